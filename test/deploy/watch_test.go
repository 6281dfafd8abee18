package deploy_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/cache/redis/redistest"
	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
)

// TestAlerts has Prometheus read the rules.
func TestAlerts(t *testing.T) {
	t.Parallel()
	checked(t, program(t, "promtool"), "check", "rules", filepath.Join(root, "deploy/prometheus/alerts.yaml"))
}

// TestWatchedNamesExist: what the dashboard and the alerts ask for is what a server exports once it has done
// something.
func TestWatchedNamesExist(t *testing.T) {
	t.Parallel()
	n := serve(t, "http://localhost:8420", "CARDEA_DATABASE_URL="+pgtest.URL(t), "CARDEA_REDIS_URL="+redistest.Start(t).URL(),
		"CARDEA_EGRESS_ALLOW=redis=127.0.0.1/32")
	n.cli(t, "correct horse battery staple", "user", "add", "ada@example.com", "--verified", "--password-stdin")
	await(t, n.Process, "http://"+n.listen+"/session", http.StatusMisdirectedRequest) // under another name, and counted
	status, metrics := try(t.Context(), "http://"+n.management+"/metrics")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	names := regexp.MustCompile(`\b(cardea|process)_[a-z_]+`)
	for _, file := range []string{"deploy/prometheus/alerts.yaml", "deploy/grafana/cardea.json"} {
		found := names.FindAllString(read(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s asks for nothing", file)
		}
		for _, name := range found {
			// A counter with labels is exported with its first count, so its help may be all there is yet.
			if bare := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"); !strings.Contains(metrics, bare) && !counted[name] {
				t.Errorf("%s asks for %s, which is not exported", file, name)
			}
		}
	}
}

// counted are counters that appear with what they count.
var counted = map[string]bool{
	"cardea_sessions_started_total": true, "cardea_signin_failures_total": true, "cardea_tokens_issued_total": true,
	"cardea_introspections_total": true, "cardea_decisions_total": true,
}
