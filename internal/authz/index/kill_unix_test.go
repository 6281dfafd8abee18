//go:build unix

package index_test

import (
	"bufio"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// childVariable names the directory of a child that is to be killed.
const childVariable = "CARDEA_TEST_INDEX_DIR"

// TestImageChild is the part of TestRegress_164_ImagesAndKills that is killed: it writes tuples, deletes them
// and writes images until it ends.
func TestImageChild(t *testing.T) {
	dir := os.Getenv(childVariable)
	if dir == "" {
		t.Skip("a part of another test")
	}
	g := &gallery{house: &house{t: t, clock: storetest.NewClock()}, dir: dir}
	g.enter(g.path())
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	for begun := false; ; begun = true {
		for range 4 {
			g.write(r.IntN(200), r.IntN(2) == 0, time.Time{})
		}
		g.see()
		g.picture()
		if !begun {
			if _, err := os.Stdout.WriteString("begun\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestRegress_164_ImagesAndKills: killed at any moment while it writes tuples and images, a process leaves
// what the next one sees as the tuples say.
func TestRegress_164_ImagesAndKills(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	fromImages := 0
	for round := range 12 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestImageChild$")
		child.Env = append(os.Environ(), childVariable+"="+g.dir, "TMPDIR="+t.TempDir()) // what it cannot remove
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(line, err)
		}
		time.AfterFunc(time.Duration(rand.IntN(30_000))*time.Microsecond, func() { _ = child.Process.Kill() })
		_ = child.Wait() // it was killed
		got, whole := g.again(g.path())
		if !whole {
			fromImages++
		}
		for _, f := range g.files() {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
		if want, _ := g.again(g.path()); got != want {
			t.Fatalf("round %d: %q, want %q", round, got, want)
		}
	}
	t.Logf("%d of 12 starts were from an image", fromImages)
}
