package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/config"
)

var update = flag.Bool("update", false, "write the golden files and the reference")

// example sets something of every form.
const example = `profile: consumer
server:
  listen: ":8420"
  issuer: https://id.example.com:8443
  trusted_proxies: [127.0.0.1/32, "fd00::/64"]
  hosts:
    - id.internal
mail:
  product: "Ünïted: # Products"
  from: Example <no-reply@example.com>
  smtp: {host: mail.example.com, security: tls}
limits:
  token: {client: 100/1s}
sessions: {idle: 1d12h, limit: 3}
egress: {allow: ["redis=10.0.0.0/8"]}
`

func TestPrintGolden(t *testing.T) {
	t.Parallel()
	c, err := config.Parse(config.Options{File: "/etc/cardea.yaml", Env: []string{
		"CARDEA_LOG_LEVEL=warn", "CARDEA_PASSWORD_PEPPERS_0_ID=a", "CARDEA_PASSWORD_PEPPERS_0_KEY=0123456789abcdef0123456789abcdef",
	}, Flags: map[string]string{"log.format": "json"}}, example)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/print.golden", out.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not up to date (run `go test ./internal/config -update`):\n%s", path, diff)
	}
}

// readsBack checks that what is printed is the same configuration, but for its secrets.
func readsBack(t *testing.T, c *config.Config) {
	t.Helper()
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	again, err := config.Parse(config.Options{}, out.String())
	if err != nil {
		t.Fatalf("what was printed is refused: %v\n%s", err, out.String())
	}
	want, got := c.Bare(), again.Bare()
	if len(want.Server.Hosts)+len(got.Server.Hosts) == 0 {
		want.Server.Hosts, got.Server.Hosts = nil, nil
	}
	if len(want.Server.TrustedProxies)+len(got.Server.TrustedProxies) == 0 {
		want.Server.TrustedProxies, got.Server.TrustedProxies = nil, nil
	}
	if len(want.Egress.Allow)+len(got.Egress.Allow) == 0 {
		want.Egress.Allow, got.Egress.Allow = nil, nil
	}
	if len(want.Password.Peppers)+len(got.Password.Peppers) == 0 {
		want.Password.Peppers, got.Password.Peppers = nil, nil
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("what was printed reads as\n%+v\nnot\n%+v\n%s", got, want, out.String())
	}
}

func TestPrintReadsBack(t *testing.T) {
	t.Parallel()
	for _, p := range config.Profiles() {
		c := config.Defaults(p, p == config.Consumer)
		readsBack(t, &c)
	}
	c, err := config.Parse(config.Options{}, example)
	if err != nil {
		t.Fatal(err)
	}
	readsBack(t, c)
	for _, product := range []string{"true", "null", "~", "1", "0x1", "1e3", "- a", "a: b", "a #b", "'", `"`, `\`, "yes", "off", "=", "<<", "2026-11-20", "{a}", "[", "*a", "&a", "!a", "%", "@", "`", "😀", "\u00a0", "\u200b", " a ", "-", "?", ":", "|", ">", "a:", "1_000", ".5", "12:30", "\u2028", "\ufeff"} {
		c.Mail.Product = product
		readsBack(t, c)
	}
}

func TestDocsAreFresh(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := config.Docs(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join("..", "..", "docs", "reference", "configuration.md"), out.String())
	for _, key := range config.AllKeys() {
		if !strings.Contains(out.String(), "`"+key+"`") || !strings.Contains(out.String(), "`"+config.Variable(key)+"`") {
			t.Errorf("%s is not in the reference", key)
		}
	}
}

// No two settings share a variable, and every field has a key in snake case.
func TestNames(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, key := range config.AllKeys() {
		variables := []string{config.Variable(key)}
		if plain, secret := strings.CutSuffix(key, "_file"); secret {
			variables = append(variables, config.Variable(plain))
		}
		for _, v := range variables {
			if other, twice := seen[v]; twice && !strings.HasPrefix(key, "server.tls.") {
				t.Errorf("%s and %s share %s", other, key, v)
			}
			seen[v] = key
		}
	}
	check(t, reflect.TypeFor[config.Config]())
}

func check(t *testing.T, s reflect.Type) {
	t.Helper()
	for f := range s.Fields() {
		key := f.Tag.Get("yaml")
		if f.IsExported() && (key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "") {
			t.Errorf("%s.%s has the key %q", s.Name(), f.Name, key)
		}
		if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == s.PkgPath() && f.Type.Name() != "Rate" {
			check(t, f.Type)
		}
	}
}
