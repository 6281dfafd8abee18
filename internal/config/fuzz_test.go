package config_test

import (
	"encoding"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/config"
)

// FuzzYAML: no text makes the walk panic, and what is accepted reads back as what was understood.
func FuzzYAML(f *testing.F) {
	f.Add(example)
	for _, s := range []string{
		"", "---\n", "a: &a [*a]\n", "server: {listen: 127.0.0.1:1}\n", "? [a]\n: b\n", "password:\n  peppers:\n    - id: a\n    - 1\n",
		"server:\n  trusted_proxies: [10.0.0.0/8, x]\n", "log: {level: info, level: info}\n", "\xff", "dev: !!bool true\n", "{}\n", "1", "log:\n- a\n",
		"mail:\n  product: |\n    a\n", "mail: {product: >-\n  a b}\n", "limits: {api: {client: off}}\n", "<<: {dev: true}\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, err := config.Parse(config.Options{}, source)
		if err == nil && len(c.Password.Peppers) == 0 { // a list with secrets cannot read back
			readsBack(t, c)
		}
	})
}

// FuzzEnv: no variable makes the walk panic; one that is accepted is a setting, and reads back.
func FuzzEnv(f *testing.F) {
	for _, key := range config.AllKeys() {
		f.Add(strings.TrimPrefix(config.Variable(key), "CARDEA_"), "1")
	}
	for name, value := range map[string]string{
		"SERVER_HOSTS": "a,b", "LIMITS_API_CLIENT": "1/1s", "PASSWORD_PEPPERS_0_ID": "a", "PASSWORD_PEPPERS_99_ID": "a", "PORT": "tcp://1", "": "x",
		"SERVER_ISSUER": "https://a.example", "EGRESS_ALLOW": "smtp=10.0.0.0/8,redis=fd00::/8", "DEV": "true", "PROFILE": "consumer",
	} {
		f.Add(name, value)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if strings.Contains(name, "_FILE") {
			return // opens files
		}
		c, err := config.Parse(config.Options{Env: []string{"CARDEA_" + name + "=" + value}}, "")
		if err != nil {
			return
		}
		if value == "" {
			t.Errorf("the empty %s is accepted", name)
		}
		readsBack(t, c)
	})
}

// FuzzText: each form of value is accepted in one meaning: its text reads back as itself.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"10m", "1d12h", "1h0m", "36500d", "1d-1h", "5ns", "1.5h", "19MiB", "1024KiB", "0GiB", "5/10m", "off", "0/1s", "127.0.0.1:0", ":8420",
		"[::1]:1", "localhost:http", "https://a.example", "https://a.example:443", "https://[::1]:8443", "http://LOCALHOST", "a.example", "1.2.3.4", "1.2.3",
		"::ffff:1.2.3.4", "info", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, pair := range [][2]any{
			{new(config.Duration), new(config.Duration)}, {new(config.Size), new(config.Size)}, {new(config.Rate), new(config.Rate)},
			{new(config.Listen), new(config.Listen)}, {new(config.Origin), new(config.Origin)}, {new(config.Host), new(config.Host)},
		} {
			first, second := pair[0].(encoding.TextUnmarshaler), pair[1].(encoding.TextUnmarshaler)
			if first.UnmarshalText([]byte(s)) != nil {
				continue
			}
			again := show(first)
			if err := second.UnmarshalText([]byte(again)); err != nil || show(second) != again {
				t.Errorf("%T %q shows as %q, which reads as %q (%v)", first, s, again, show(second), err)
			}
		}
	})
}

func show(v any) string {
	switch x := v.(type) {
	case *config.Listen:
		return string(*x)
	case *config.Origin:
		return string(*x)
	case *config.Host:
		return string(*x)
	}
	return fmt.Sprint(v)
}
