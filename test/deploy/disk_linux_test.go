package deploy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/proof"
)

// TestRegress_R14_DiskFullOverHTTP fills the disk under each engine while tokens are given: who is refused is
// told 503 and when to come back, every token that was given is good, what only reads goes on, and all is
// well again by itself once there is room.
func TestRegress_R14_DiskFullOverHTTP(t *testing.T) {
	t.Parallel()
	for engine, on := range map[string]func(t *testing.T, disk string) []string{"SQLite": fileOn, "PostgreSQL": postgresOn} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			disk := newDisk(t, 64)
			w := &revoking{t: t, base: "http://localhost:" + freePort(t)}
			w.nodes[0] = serve(t, w.base, on(t, disk)...)
			w.nodes[1] = w.nodes[0]
			w.furnish()
			f := &filling{revoking: w}
			rounds, longest := proof.Rounds(t, 3), time.Duration(0)
			for range rounds {
				longest = max(longest, f.fill(disk))
			}
			if len(f.given) == 0 || f.refused == 0 {
				t.Errorf("%d given, %d refused: nothing is shown", len(f.given), f.refused)
			}
			proof.Figures(t, "full disks", rounds, "tokens given", len(f.given), "refused with 503", f.refused, "lost", f.lost(),
				"first good write after at most", longest)
		})
	}
}

// newDisk is a file system of so many megabytes.
func newDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cardea-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0755", megabytes)); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func fileOn(_ *testing.T, disk string) []string {
	return []string{"CARDEA_DATA_DIR=" + filepath.Join(disk, "data")}
}

// postgresOn has all tables in a tablespace on the disk. The server's log of writes is elsewhere: without room
// for that one PostgreSQL itself ends, and is as one that was killed.
func postgresOn(t *testing.T, disk string) []string {
	t.Helper()
	space := filepath.Join(disk, "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	if who, err := user.Lookup("postgres"); err == nil && os.Getuid() == 0 {
		uid, _ := strconv.Atoi(who.Uid)
		gid, _ := strconv.Atoi(who.Gid)
		if err := os.Chown(space, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	server := pgtest.Private(t)
	if err := pgtest.Exec(server.URL(), "CREATE TABLESPACE small LOCATION '"+space+"'"); err != nil {
		t.Fatal(err)
	}
	return []string{"CARDEA_DATABASE_URL=" + pgtest.With(t, server.URL(), "default_tablespace", "small")}
}

// filling gives tokens while the disk fills up.
type filling struct {
	*revoking
	mu      sync.Mutex
	given   []string
	refused int
}

// give asks for a token once and reports whether it was given.
func (f *filling) give() bool {
	token, err := f.tryToken()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
		f.t.Error(err)
	case token == "":
		f.refused++
	default:
		f.given = append(f.given, token)
	}
	return token != ""
}

// tryToken is a new token; "" where the server says properly that there is none now.
func (f *filling) tryToken() (string, error) {
	n, app := f.nodes[0], f.apps[0]
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, "http://"+n.listen+"/oauth/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return "", err
	}
	r.Host = strings.TrimPrefix(f.base, "http://")
	r.SetBasicAuth(url.QueryEscape(app.ID), url.QueryEscape(app.Secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return "", err
	case answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
		return "", nil
	case answer.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%d, Retry-After %q: %s", answer.StatusCode, answer.Header.Get("Retry-After"), text)
	}
	_, token, _ := strings.Cut(string(text), `"access_token":"`)
	token, _, _ = strings.Cut(token, `"`)
	return token, nil
}

// fill fills the disk, makes room, and returns how long it took until the first write succeeded.
func (f *filling) fill(disk string) time.Duration {
	f.t.Helper()
	ballast := filepath.Join(disk, "ballast")
	stuff(f.t, disk, ballast)
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	before := f.refusals()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil && f.refusals() < before+50 {
				f.give()
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		f.t.Fatal("the disk is never full")
	}
	if last := f.given[len(f.given)-1]; !f.active(f.nodes[0], f.apps[0], last) {
		f.t.Error("on a full disk a good token is not recognised")
	}
	if err := os.Remove(ballast); err != nil {
		f.t.Fatal(err)
	}
	room := time.Now()
	for !f.give() {
		if time.Since(room) > time.Minute {
			f.t.Fatal("with room again nothing is written for a minute")
		}
	}
	return time.Since(room)
}

func (f *filling) refusals() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refused
}

// lost is how many tokens were given and are not good. The server starts anew before it is asked.
func (f *filling) lost() (n int) {
	f.t.Helper()
	if err := f.nodes[0].Stop(); err != nil {
		f.t.Error(err)
	}
	f.nodes[0].again(f.t)
	for _, token := range f.given {
		if !f.active(f.nodes[0], f.apps[0], token) {
			n++
		}
	}
	if n > 0 {
		f.t.Errorf("%d tokens that were given are lost", n)
	}
	return n
}

// stuff leaves half a megabyte of a disk.
func stuff(t *testing.T, disk, ballast string) {
	t.Helper()
	var is syscall.Statfs_t
	if err := syscall.Statfs(disk, &is); err != nil {
		t.Fatal(err)
	}
	size := int64(is.Bavail)*is.Bsize - 512<<10
	if err := os.WriteFile(ballast, make([]byte, max(size, 0)), 0o600); err != nil {
		t.Fatal(err)
	}
}
