package clients_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// operate gets a page of the private listener.
func (s *server) operate(t testing.TB, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.management+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v\n%s", path, res.StatusCode, err, text)
	}
	return string(text)
}

// metrics are the values of all series, by name and labels.
func (s *server) metrics(t testing.TB) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for line := range strings.Lines(s.operate(t, "/metrics")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			out[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return out
}

// TestMetricsCountWhatPeopleDo: an operator sees sign-ins, failures, tokens, questions and decisions, and
// that mail does not leave; never who.
func TestMetricsCountWhatPeopleDo(t *testing.T) {
	t.Parallel()
	s := startServer(t, launch{})
	w := &world{server: s, asAPI: s.addApp(t, "service", "--serves", audience)}
	p, u := w.webParty(t, "counted@metrics.example")
	b := s.browser(t, u)
	got := p.login(b)
	p.mustRefresh(t, got.RefreshToken)
	s.active(t, w.asAPI, got.AccessToken)
	b.finish(b.enter(b.begin(map[string]string{"kind": "step_up"})))
	wrong := s.browser(t, u)
	wrong.secret = "not-the-password"
	wrong.try()
	admin := s.admin(t, "admin@metrics.example")
	s.change(t, http.MethodPost, "/access/v1/evaluation", admin, `{"subject":{"type":"user","id":"`+u.id+`"},"action":{"name":"read"},"resource":{"type":"invoice","id":"1"}}`)
	is := s.metrics(t)
	for name, want := range map[string]float64{
		`cardea_sessions_started_total{flow="sign_in"}`:              2,
		`cardea_sessions_started_total{flow="step_up"}`:              1,
		`cardea_proofs_total{method="pwd"}`:                          3,
		`cardea_signin_failures_total{reason="invalid_credentials"}`: 1,
		`cardea_tokens_issued_total{grant="authorization_code"}`:     1,
		`cardea_tokens_issued_total{grant="refresh_token"}`:          1,
		`cardea_introspections_total{answer="given"}`:                1,
		`cardea_decisions_total{answer="denied"}`:                    1,
		`cardea_mail_waiting`:                                        2, // of new devices; no mail server is configured
	} {
		if is[name] != want {
			t.Errorf("%s is %v, want %v", name, is[name], want)
		}
	}
	if text := s.operate(t, "/readyz"); !strings.HasPrefix(text, "ok\n") || !strings.Contains(text, "mail") {
		t.Errorf("readyz does not tell of the mail: %q", text)
	}
	for name := range is {
		for _, secret := range []string{u.id, u.email, p.app.id, "default"} {
			if strings.Contains(name, secret) {
				t.Errorf("%s names who", name)
			}
		}
	}
}
