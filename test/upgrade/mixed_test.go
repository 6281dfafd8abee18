package upgrade_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
)

// shortLease is how long a node counts as alive in these tests.
const shortLease = 3 * time.Second

// TestMixedVersions: two versions serve from one PostgreSQL. While the older one lives nobody can finalise; once
// somebody has, it stops answering, and says in one line why.
func TestMixedVersions(t *testing.T) {
	t.Parallel()
	url := "CARDEA_DATABASE_URL=" + pgtest.URL(t)
	lease := leaseVariable + "=" + shortLease.String()
	dir := dataDir(t)
	one := today(t, dir, url, lease)
	older := one.serve()
	one.must(thePassword, "user", "add", "alice@example.com", "--verified", "--password-stdin")
	beside := dataDir(t)
	copyFile(t, filepath.Join(dir, "master.key"), filepath.Join(beside, "master.key"))
	two := today(t, beside, url, lease, formatVariable+"=2")
	two.serve()

	cookie := one.signIn("alice@example.com")
	if !two.authenticated(cookie) || !one.authenticated(two.signIn("alice@example.com")) {
		t.Error("a session of one version is none at the other")
	}
	if status := two.must("", "migrate", "status"); !strings.Contains(status, "data format 1 is written. This version knows 2") ||
		strings.Count(status, "0.1.0 ") != 1 || strings.Count(status, "0.2.0 ") != 1 {
		t.Errorf("status:\n%s", status)
	}
	if out, ok := two.run("", "migrate", "finalise", "--no-snapshot"); ok || !strings.Contains(out, "[older_nodes]") || !strings.Contains(out, "(0.1.0, until") {
		t.Errorf("finalised while an older node is alive: %s", out)
	}
	third := dataDir(t)
	copyFile(t, filepath.Join(dir, "master.key"), filepath.Join(third, "master.key"))
	stranger := today(t, third, url, lease, "CARDEA_SERVER_ISSUER=https://other.example.com")
	if out, ok := stranger.run("", "serve"); ok || strings.Count(out, "\n") != 1 || !strings.Contains(out, "give all the same server.issuer") {
		t.Errorf("a node with another issuer: %s", out)
	}

	// The older node's machine is suspended until it counts as gone, and comes back after that.
	if err := older.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(shortLease / 10) {
		out, ok := two.run("", "migrate", "finalise", "--no-snapshot")
		if ok {
			break
		}
		if !strings.Contains(out, "[older_nodes]") || time.Now().After(deadline) {
			t.Fatal(out)
		}
	}
	if err := older.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-older.Ended:
		if older.Err == nil {
			t.Error("the older node ended as if nothing had happened")
		}
	case <-time.After(time.Minute):
		t.Fatal("the older node goes on")
	}
	const why = "the database was finalised for data format 2 by Cardea 0.2.0; this is 0.1.0, which knows up to 1: start the newer version, or restore a backup from before"
	if !strings.HasSuffix(older.Log.String(), "\ncardea: "+why+"\n") {
		t.Errorf("it said:\n%s", older.Log.String())
	}
	if out, ok := one.run("", "serve"); ok || out != "cardea: "+why+"\n" {
		t.Errorf("the older version starts again: %s", out)
	}
	if !two.authenticated(cookie) {
		t.Error("the newer node does not serve any more")
	}
	if status := two.must("", "migrate", "status"); !strings.Contains(status, "data format 2 is written") || strings.Contains(status, "0.1.0 ") {
		t.Errorf("status:\n%s", status)
	}
}
