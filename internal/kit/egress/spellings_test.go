package egress_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// spellings are ways to write, or to lead to, an address that is not public. PORT is where a server
// listens on loopback.
func spellings() []string {
	return []string{
		// loopback, as itself and as numbers
		"https://127.0.0.1:PORT/", "https://127.0.0.2:PORT/", "https://127.255.255.254:PORT/", "https://127.1:PORT/",
		"https://127.0.1:PORT/", "https://2130706433:PORT/", "https://0x7f000001:PORT/", "https://0X7F.0.0.1:PORT/",
		"https://017700000001:PORT/", "https://0177.0.0.1:PORT/", "https://0177.0.0.01:PORT/", "https://127.0.0.0x1:PORT/",
		"https://00000000127.0.0.1:PORT/", "https://4294967297:PORT/", "https://127.0.0.1.:PORT/", "https://0:PORT/",
		"https://0.0.0.0:PORT/", "https://0x0:PORT/", "https://127.000.000.001:PORT/", "https://0x:PORT/",
		// in other alphabets, which IDNA maps to ASCII
		"https://127。0。0。1:PORT/", "https://①②⑦.⓪.⓪.①:PORT/", "https://１２７.0.0.1:PORT/", "https://ⓛocalhost:PORT/",
		"https://%31%32%37.0.0.1:PORT/", "https://127%2e0.0.1:PORT/",
		// names
		"https://localhost:PORT/", "https://LOCALHOST:PORT/", "https://localhost.:PORT/", "https://loopback.example:PORT/",
		"https://mixed.example:PORT/", "https://mapped.example:PORT/", "https://metadata.example/", "https://127.0.0.1.nip.example:PORT/",
		// IPv6, and IPv4 inside it
		"https://[::1]:PORT/", "https://[0:0:0:0:0:0:0:1]:PORT/", "https://[::]:PORT/", "https://[::ffff:127.0.0.1]:PORT/",
		"https://[::ffff:7f00:1]:PORT/", "https://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", "https://[::127.0.0.1]:PORT/",
		"https://[64:ff9b::127.0.0.1]:PORT/", "https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b:1::10.0.0.1]/",
		"https://[2002:7f00:1::]:PORT/", "https://[2001:0:7f00:1::]/", "https://[::ffff:0:127.0.0.1]:PORT/",
		"https://[fe80::1]/", "https://[fe80::1%25lo]:PORT/", "https://[::1%25lo]:PORT/", "https://[fc00::1]/",
		"https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[fec0::1]/", "https://[2001:db8::1]/",
		"https://::1:PORT/", "https://[127.0.0.1]:PORT/", "https://[::1]x:PORT/",
		// private, link-local, shared, reserved, multicast, metadata
		"https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/",
		"https://[::ffff:169.254.169.254]/", "https://2852039166/", "https://0xa9fea9fe/", "https://0251.0376.0251.0376/",
		"https://100.64.0.1/", "https://100.100.100.200/", "https://192.0.0.192/", "https://168.63.129.16/", "https://198.18.0.1/",
		"https://192.0.2.1/", "https://203.0.113.1/", "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/",
		// a host that two parsers could find in two places
		"https://public.example@127.0.0.1:PORT/", "https://user:pass@127.0.0.1:PORT/", "https://127.0.0.1:PORT\\@public.example/",
		"https://public.example#@127.0.0.1:PORT/", "https:/127.0.0.1:PORT/", "https:127.0.0.1:PORT/", "//127.0.0.1:PORT/",
		"https://127.0.0.1:PORT@public.example:99999/", "https://127.0.0.1 :PORT/", "https://127.0.0.1\t:PORT/", "https://127.0.0.1\x00:PORT/",
		"https://127.0.0.1:0PORT/", "https://127.0.0.1:/", "https://127.0.0.1:0/", "https://127.0.0.1:-1/", "https://127.0.0.1:PORT%2f/",
		// other schemes
		"http://127.0.0.1:PORT/", "http://public.example/", "gopher://127.0.0.1:PORT/", "file:///etc/passwd", "ftp://127.0.0.1/",
		"unix:///var/run/docker.sock", "data:text/plain,x", "javascript:0", "", "/", "127.0.0.1:PORT",
	}
}

func TestRegress_139_Spellings(t *testing.T) {
	t.Parallel()
	tr := newTrap(t, ok)
	n := newNames(map[string][][]string{
		"loopback.example": {{"127.0.0.1"}}, "mixed.example": {{"::1", "127.0.0.1"}}, "mapped.example": {{"::ffff:127.0.0.1"}},
		"metadata.example": {{"169.254.169.254", "fd00:ec2::254"}}, "127.0.0.1.nip.example": {{"127.0.0.1"}},
		"localhost": {{"127.0.0.1"}}, "public.example": {{"127.0.0.1"}},
	})
	c := newClient(t, egress.Config{RootCAs: tr.pool, Resolver: n.resolver(), Timeout: time.Second})
	all := spellings()
	if len(all) < 60 {
		t.Errorf("only %d spellings", len(all))
	}
	for _, s := range all {
		s = strings.ReplaceAll(s, "PORT", tr.port)
		_, err := c.Get(t.Context(), egress.ClientMetadata, s)
		if errs.CodeOf(err) != "url_refused" && !refused(err) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if got := tr.came.Load(); got != 0 {
		t.Errorf("%d connections arrived", got)
	}
}

// The same addresses by the dialer alone, which hands what it does not know to the resolver.
func TestRegress_139_Dialer(t *testing.T) {
	t.Parallel()
	tr := newTrap(t, ok)
	c := newClient(t, egress.Config{Timeout: time.Second, Resolver: newNames(map[string][][]string{"loopback.example": {{"127.0.0.1"}}}).resolver()})
	for _, host := range []string{
		"127.0.0.1", "localhost", "loopback.example", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "", "127.1", "0x7f.1",
		"2130706433", "0177.0.0.1", "[::1%lo]", "127.0.0.1.",
	} {
		conn, err := c.Dialer(egress.SMTP)(t.Context(), "tcp", host+":"+tr.port)
		if err == nil {
			_ = conn.Close()
			t.Errorf("%q was connected to", host)
		}
	}
	if got := tr.came.Load(); got != 0 {
		t.Errorf("%d connections arrived", got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	c := newClient(t, egress.Config{})
	for _, good := range []string{
		"https://example.com", "https://example.com/", "https://id.example.com:8443/a/b?c=d", "https://xn--bcher-kva.example/",
		"https://93.184.215.14/", "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/", "https://a1.example/", "https://intranet/",
		"https://example.com/%0a", "https://1.example/", "https://0x1.example/", "https://[64:ff9b::5db8:d70e]/",
	} {
		if err := c.Check(egress.ClientMetadata, good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"https://bücher.example/", "https://example.com./", "https://-a.example/", "https://a_b.example/", "https://a..b/",
		"https://example.com/#x", "https://example.com/#", "https://example.com:443:443/", "https://[2606:2800:021f::1]/",
		"https://[2606:2800:21F::1]/", "https://[::ffff:93.184.215.14]/", "https://example.com/" + strings.Repeat("x", 2048),
		"https://" + strings.Repeat("a", 64) + ".example/", "https://" + strings.Repeat("a.", 127) + "example/",
	} {
		if err := c.Check(egress.ClientMetadata, bad); errs.CodeOf(err) != "url_refused" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzCheck: whatever is accepted has one host, by our reading and by net/url's, and that host is a
// public address or a name that no resolver takes for a number.
func FuzzCheck(f *testing.F) {
	for _, s := range spellings() {
		f.Add(strings.ReplaceAll(s, "PORT", "8443"))
	}
	f.Add("https://example.com:8443/a?b=c")
	c, err := egress.New(egress.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if c.Check(egress.Webhook, raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q was accepted", raw)
		}
		if again, err := url.Parse(u.String()); err != nil || again.Host != u.Host {
			t.Errorf("%q: the host changes to %q", raw, again.Host)
		}
		host := u.Hostname()
		if a, err := netip.ParseAddr(host); err == nil {
			if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Is4In6() {
				t.Errorf("%q: %s was accepted", raw, a)
			}
			return
		}
		last := host[strings.LastIndex(host, ".")+1:]
		if strings.Trim(last, "0123456789") == "" || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
			t.Errorf("%q: the host %q was accepted", raw, host)
		}
	})
}
