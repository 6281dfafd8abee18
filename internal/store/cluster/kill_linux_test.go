package cluster_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/store"
)

// The test of kills runs the upgrade in a child process: the test binary again, told by the environment
// where the database is.
const (
	roleVariable = "CARDEA_TEST_CLUSTER_ROLE"
	pathVariable = "CARDEA_TEST_CLUSTER_PATH"
	urlVariable  = "CARDEA_TEST_CLUSTER_URL"
)

// killLease is short: who is killed keeps its turn for so long.
const killLease = 300 * time.Millisecond

// upgradeChild does what cardea migrate up and finalise do, and says on its output each step that it takes.
func upgradeChild() {
	ctx := context.Background()
	p, err := start(ctx, site{url: os.Getenv(urlVariable), path: os.Getenv(pathVariable), now: time.Now, lease: killLease}, 3)
	say := func(step string, done, total int64) { fmt.Println(step, done, total) }
	if err == nil {
		err = patiently(func() error { return p.cluster.Up(ctx, say) })
	}
	if err == nil && os.Getenv(roleVariable) == "finalise" {
		err = patiently(func() error { return p.cluster.Finalise(ctx, say) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// patiently waits for the end of the turn of who was killed.
func patiently(f func() error) error {
	for {
		err := f()
		if errs.CodeOf(err) != "upgrade_under_way" {
			return err
		}
		time.Sleep(killLease / 10)
	}
}

// TestRegress_R1_KilledUpgrade kills an upgrade at random moments, from before it has opened the database to its
// last documents, and finds everything whole each time; then it comes to its end.
func TestRegress_R1_KilledUpgrade(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s site) {
		const people, rounds = 9000, 24
		one := s.join(t, 1)
		for i := 0; i < people; i += 50 {
			var ops []store.DocOp
			for n := range 50 {
				ops = append(ops, one.people.Insert(t.Context(), one.named(fmt.Sprintf("p%05d", i+n), fmt.Sprintf("Ann%d Lee", i+n))))
			}
			one.must(one.commit(t.Context(), ops...))
		}
		one.stop()
		s.lease = killLease
		inNew := []int{}
		for round := range rounds {
			role, steps := "up", rand.N(2)
			if round >= rounds/3 {
				role, steps = "finalise", rand.N(8)
			}
			killUpgrade(t, s, role, steps)
			inNew = append(inNew, wholeInHalf(t, s, people))
		}
		if n := inNew[rounds/3-1]; n > 0 {
			t.Errorf("%d documents were in the new form before anybody finalised", n)
		}
		if n := inNew[rounds-1]; n == 0 || n == people {
			t.Errorf("%d documents are in the new form: no upgrade was killed half-way", n)
		}
		t.Logf("%d kills; documents in the new form after each: %v", rounds, inNew)
		three := s.start(t, 3)
		three.must(patiently(func() error { return three.cluster.Up(t.Context(), quiet) }))
		three.must(patiently(three.finalise))
		if n, err := three.people.Count(t.Context(), people+1, byLetters); err != nil || n != people {
			t.Errorf("%d people, %v", n, err)
		}
		status, err := three.cluster.Status(t.Context())
		if err != nil || status.Version != 3 || status.Converted != 3 {
			t.Errorf("%+v, %v", status, err)
		}
	})
}

// killUpgrade kills an upgrade a moment after it has said so many steps; 0 is while it opens the database.
func killUpgrade(t *testing.T, s site, role string, steps int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+s.path, urlVariable+"="+s.url)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); steps > 0 && lines.Scan(); steps-- {
	}
	time.Sleep(rand.N(5 * time.Millisecond))
	_ = c.Process.Kill()
	if exit, ok := errors.AsType[*exec.ExitError](c.Wait()); !ok || exit.Exited() {
		t.Errorf("the upgrade was not killed: %v", exit)
	}
}

// wholeInHalf finds every person once and as it was, in whatever form, and returns how many are in the new.
func wholeInHalf(t *testing.T, s site, people int) (inNew int) {
	t.Helper()
	p := s.start(t, 3)
	defer func() { _ = p.engine.Close() }()
	_, err := p.cluster.Plan(t.Context()) // from then on what is there can be read
	p.must(err)
	n := 0
	p.must(p.engine.Export(t.Context(), "person", func(r store.Record) error {
		old, young := fmt.Sprintf(`{"name":"Ann%d Lee"}`, n), fmt.Sprintf(`{"_v":3,"first":"Ann%d","last":"Lee"}`, n)
		switch string(r.Body) {
		case young:
			inNew++
		case old:
		default:
			t.Errorf("%s is %s", r.ID, r.Body)
		}
		n++
		return nil
	}))
	if n != people {
		t.Errorf("%d people of %d", n, people)
	}
	return inNew
}
