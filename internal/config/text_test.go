package config_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/config"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		d     time.Duration
		shows string
	}{
		"10m": {10 * time.Minute, "10m"}, "24h": {24 * time.Hour, "1d"}, "30d": {720 * time.Hour, "30d"}, "1d12h": {36 * time.Hour, "1d12h"},
		"90m": {90 * time.Minute, "1h30m"}, "0s": {0, "0s"}, "1.5s": {1500 * time.Millisecond, "1.5s"}, "1h0m5s": {time.Hour + 5*time.Second, "1h0m5s"},
		"1d30s": {24*time.Hour + 30*time.Second, "1d30s"}, "100m": {100 * time.Minute, "1h40m"},
	} {
		var d config.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.Span() != want.d || d.String() != want.shows {
			t.Errorf("%s: %s %s, %v", text, d.Span(), d, err)
		}
	}
	for _, bad := range []string{"", "d", "10", "-1m", "+1m", "1d-1h", "1d1d", "36501d", "1ns", "1d ", " 1d", "1 d", "99999999999999999999h", "1d36501d", "-1d", "١m"} {
		var d config.Duration
		if err := d.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is %s", bad, d)
		}
	}
}

func TestSizeAndRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"64KiB": "64KiB", "19MiB": "19MiB", "1024MiB": "1GiB", "1536KiB": "1536KiB", "0MiB": "0KiB"} {
		var s config.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s.String() != want {
			t.Errorf("%s: %s, %v", text, s, err)
		}
	}
	for _, bad := range []string{"", "MiB", "1", "1MB", "1M", "-1MiB", "1.5MiB", "1 MiB", "1mib", "99999999999GiB"} {
		var s config.Size
		if err := s.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is %s", bad, s)
		}
	}
	for text, want := range map[string]config.Rate{"5/10m": {Count: 5, Per: config.Duration(10 * time.Minute)}, "off": {}} {
		var r config.Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want || r.String() != text {
			t.Errorf("%s: %s, %v", text, r, err)
		}
	}
	for _, bad := range []string{"", "5", "/10m", "5/", "0/10m", "5/0s", "-5/10m", "5/10", "5/10m/1", "OFF", "9999999999/1s"} {
		var r config.Rate
		if err := r.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is %s", bad, r)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, local := range map[string]bool{
		"127.0.0.1:8420": true, "[::1]:8420": true, "localhost:0": true, "off": true, "127.1.2.3:1": true, "[::ffff:127.0.0.1]:1": true,
		":8420": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:65535": false,
	} {
		var l config.Listen
		if err := l.UnmarshalText([]byte(text)); err != nil || l.Loopback() != local {
			t.Errorf("%s: loopback %t, %v", text, l.Loopback(), err)
		}
	}
	for _, bad := range []string{"", "8420", "127.0.0.1", "example.com:1", "127.0.0.1:65536", "127.0.0.1:http", "127.1:1", "::1:1", "unix:/x", "127.0.0.1:-1"} {
		var l config.Listen
		if err := l.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	for text, want := range map[string][2]bool{ // secure, loopback
		"https://id.example.com": {true, false}, "http://localhost:8420": {false, true}, "https://[::1]:8443": {true, true}, "http://127.0.0.1": {false, true},
		"http://a.localhost": {false, true}, "http://localhost.example.com": {false, false}, "http://10.0.0.1": {false, false}, "https://intranet": {true, false},
	} {
		var o config.Origin
		if err := o.UnmarshalText([]byte(text)); err != nil || o.Secure() != want[0] || o.Loopback() != want[1] {
			t.Errorf("%s: %t %t, %v", text, o.Secure(), o.Loopback(), err)
		}
	}
	for _, bad := range []string{
		"", "id.example.com", "https://", "https://id.example.com/", "https://id.example.com/t/x", "https://ID.example.com", "https://id.example.com:443",
		"http://localhost:80", "https://id.example.com:", "https://id.example.com:0443", "https://user@id.example.com", "https://id.example.com?x", "https://id.example.com#",
		"HTTPS://id.example.com", "ftp://id.example.com", "https://id.example.com.", "https://id_1.example.com", "https://bücher.example", "https://127.1", "https://2130706433",
		"https://[::ffff:7f00:1]", "https://[fe80::1%25eth0]", "https://id.example.com\n", "https://id..example.com",
	} {
		var o config.Origin
		if err := o.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
