package audit_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	_ "modernc.org/sqlite"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const acme = id.Tenant("acme")

// notary signs with one key; the keyring's has tests of its own.
type notary struct {
	signer   note.Signer
	verifier note.Verifier
}

func newNotary(t *testing.T) *notary {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "audit-test")
	if err != nil {
		t.Fatal(err)
	}
	s, err1 := note.NewSigner(private)
	v, err2 := note.NewVerifier(public)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &notary{s, v}
}

func (n *notary) SignCheckpoint(_ context.Context, _ id.Tenant, c keyring.Checkpoint) (string, error) {
	b, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)}, n.signer)
	return string(b), err
}

func (n *notary) OpenCheckpoint(_ context.Context, _ id.Tenant, origin, text string) (c keyring.Checkpoint, err error) {
	opened, err := note.Open([]byte(text), note.VerifierList(n.verifier))
	if err != nil {
		return c, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		return c, errors.New("another log")
	}
	c.Origin = origin
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return c, err
	}
	c.Root, err = tlog.ParseHash(lines[2])
	return c, err
}

type house struct {
	*audit.Log
	t     *testing.T
	clock *storetest.Clock
	db    *store.DB
	guard *access.Guard
	path  string
	admin access.Caller
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, clock: storetest.NewClock(), path: filepath.Join(t.TempDir(), "audit.db")}
	h.db = storetest.NewDB(t, storetest.WithClock(h.clock), storetest.WithPath(h.path))
	h.guard = storetest.Guard(h.clock.Now)
	h.Log = audit.New(audit.Config{DB: h.db, Guard: h.guard, Notary: newNotary(t), Issuer: "https://id.example"})
	h.admin = storetest.User(acme, "root", h.clock.Now())
	storetest.Ensure(t, h.db)
	return h
}

// happen commits n events about persons p0 to p9.
func (h *house) happen(n int) {
	h.t.Helper()
	for i := range n {
		permit, err := h.guard.Allow(h.t.Context(), access.Operator(acme, "op", "test"), "user.update", access.Object{Type: "cardea:user", ID: fmt.Sprint("u", i)})
		if err != nil {
			h.t.Fatal(err)
		}
		h.clock.Advance(time.Millisecond)
		_, err = h.db.Commit(h.t.Context(), store.Batch{Permit: permit, Events: []store.Event{{
			Kind: "user.updated", Person: fmt.Sprint("p", i%10),
			Public: map[string]string{"n": fmt.Sprint(i)}, Personal: map[string]string{"email": fmt.Sprintf("p%d@example.com", i%10)},
		}}})
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) seal() {
	h.t.Helper()
	if err := h.Seal(h.t.Context(), acme); err != nil {
		h.t.Fatalf("sealing: %v", err)
	}
}

func (h *house) verify(pinned string) audit.Report {
	h.t.Helper()
	r, err := h.Verify(h.t.Context(), h.admin, pinned)
	if err != nil {
		h.t.Fatalf("verifying: %v", err)
	}
	return r
}

func (h *house) mustVerify(pinned string) audit.Report {
	h.t.Helper()
	r := h.verify(pinned)
	if !r.OK {
		h.t.Fatalf("a log nobody touched does not verify: %+v", r)
	}
	return r
}

func TestSealAndVerify(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if r := h.mustVerify(""); r.Sealed != 0 {
		t.Errorf("an empty log: %+v", r)
	}
	h.happen(5)
	if r := h.mustVerify(""); r.Sealed != 0 || r.Unsealed != 5 {
		t.Errorf("before sealing: %+v", r)
	}
	h.seal()
	first := h.mustVerify("")
	h.happen(300) // more than one batch of the sealer
	h.seal()
	r := h.mustVerify(first.Checkpoint)
	if r.Sealed != 305 || r.Unsealed != 0 || r.Pinned != 5 {
		t.Errorf("after sealing: %+v", r)
	}
	h.seal() // nothing to do
	h.mustVerify(r.Checkpoint)
}

func TestSealersDoNotNumberTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(200)
	done := make(chan error, 4)
	for range 4 {
		go func() {
			for range 20 {
				if err := h.Seal(t.Context(), acme); err != nil && errs.CodeOf(err) != "changed_meanwhile" && errs.CodeOf(err) != "already_exists" {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	h.seal()
	if r := h.mustVerify(""); r.Sealed != 200 {
		t.Errorf("%+v", r)
	}
}

// tamper is one way to falsify a log of n sealed events, and the way back.
type tamper struct {
	name string
	do   func(t *testing.T, db *sql.DB, r *mathrand.Rand, n int)
}

// exec runs a statement that must change something.
func exec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	result, err := db.Exec(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		t.Fatalf("%s: changed nothing", query)
	}
}

// edit changes the body of one event.
func edit(change func(r *mathrand.Rand, e map[string]any)) func(*testing.T, *sql.DB, *mathrand.Rand, int) {
	return func(t *testing.T, db *sql.DB, r *mathrand.Rand, n int) {
		t.Helper()
		seq := 1 + r.IntN(n)
		var body []byte
		if err := db.QueryRow(`SELECT body FROM c_event WHERE x_seq = ?`, seq).Scan(&body); err != nil {
			t.Fatal(err)
		}
		var e map[string]any
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		change(r, e)
		changed, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, db, `UPDATE c_event SET body = ? WHERE x_seq = ?`, string(changed), seq)
	}
}

func tampers() []tamper {
	set := func(name string) tamper {
		return tamper{"edit " + name, edit(func(_ *mathrand.Rand, e map[string]any) { e[name] = "forged" })}
	}
	return []tamper{
		set("kind"), set("actor_type"), set("actor_id"), set("actor_home"), set("object_type"), set("object_id"), set("org"),
		set("client"), set("session"), set("request"), set("action"), set("reason"), set("because"), set("person"), set("digest"), set("salt"),
		{"edit time", edit(func(_ *mathrand.Rand, e map[string]any) { e["at"] = "2020-01-01T00:00:00Z" })},
		{"edit public", edit(func(_ *mathrand.Rand, e map[string]any) { e["public"] = map[string]string{"n": "forged"} })},
		{"drop public", edit(func(_ *mathrand.Rand, e map[string]any) { delete(e, "public") })},
		{"edit personal", edit(func(_ *mathrand.Rand, e map[string]any) {
			e["personal"] = map[string]string{"email": "forged@example.com"}
		})},
		{"drop personal", edit(func(_ *mathrand.Rand, e map[string]any) { delete(e, "personal"); e["salt"] = "" })},
		{"drop personal, keep salt", edit(func(_ *mathrand.Rand, e map[string]any) { delete(e, "personal") })},
		{"spoil body", func(t *testing.T, db *sql.DB, r *mathrand.Rand, n int) {
			exec(t, db, `UPDATE c_event SET body = '{' WHERE x_seq = ?`, 1+r.IntN(n))
		}},
		{"delete", func(t *testing.T, db *sql.DB, r *mathrand.Rand, n int) {
			exec(t, db, `DELETE FROM c_event WHERE x_seq = ?`, 1+r.IntN(n))
		}},
		{"unseal", func(t *testing.T, db *sql.DB, r *mathrand.Rand, n int) {
			exec(t, db, `UPDATE c_event SET x_seq = 0 WHERE x_seq = ?`, 1+r.IntN(n))
		}},
		{"insert", func(t *testing.T, db *sql.DB, r *mathrand.Rand, n int) {
			exec(t, db, `INSERT INTO c_event (tenant, id, version, expires, batch, body, x_seq, x_at, x_kind, x_actor, x_object, x_person) SELECT tenant, id || '-forged', version, expires, batch, body, x_seq, x_at, x_kind, x_actor, x_object, x_person FROM c_event WHERE x_seq = ?`, 1+r.IntN(n))
		}},
		{"append", func(t *testing.T, db *sql.DB, _ *mathrand.Rand, n int) {
			exec(t, db, `INSERT INTO c_event (tenant, id, version, expires, batch, body, x_seq, x_at, x_kind, x_actor, x_object, x_person) SELECT tenant, id || '-forged', version, expires, batch, replace(body, '"seq":`+fmt.Sprint(n)+`', '"seq":`+fmt.Sprint(n+1)+`'), ?, x_at, x_kind, x_actor, x_object, x_person FROM c_event WHERE x_seq = ?`, n+1, n)
		}},
		{"swap bodies", func(t *testing.T, db *sql.DB, r *mathrand.Rand, n int) {
			a := 1 + r.IntN(n)
			b := 1 + (a+r.IntN(n-1))%n
			exec(t, db, `UPDATE c_event SET body = CASE x_seq WHEN ? THEN (SELECT body FROM c_event WHERE x_seq = ?) ELSE (SELECT body FROM c_event WHERE x_seq = ?) END WHERE x_seq IN (?, ?)`, a, b, a, a, b)
		}},
		{"cut the tail", func(t *testing.T, db *sql.DB, r *mathrand.Rand, n int) {
			exec(t, db, `DELETE FROM c_event WHERE x_seq > ?`, n-1-r.IntN(n/2))
		}},
		{"forge checkpoint", func(t *testing.T, db *sql.DB, _ *mathrand.Rand, n int) {
			exec(t, db, `UPDATE c_audit_head SET body = replace(body, '\n`+fmt.Sprint(n)+`\n', '\n`+fmt.Sprint(n-1)+`\n')`)
		}},
		{"drop head", func(t *testing.T, db *sql.DB, _ *mathrand.Rand, _ int) { exec(t, db, `DELETE FROM c_audit_head`) }},
	}
}

// TestTamperingIsFound makes 1,000 falsifications directly in the database file; every one is found.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	const sealed = 60
	rounds := 1000
	if testing.Short() {
		rounds = 120
	}
	h := newHouse(t)
	h.happen(sealed)
	h.seal()
	pinned := h.mustVerify("").Checkpoint
	db, err := sql.Open("sqlite", h.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, table := range []string{"c_event", "c_audit_head"} {
		if _, err := db.Exec(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table); err != nil {
			t.Fatal(err)
		}
	}
	all := tampers()
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for round := range rounds {
		x := all[round%len(all)]
		x.do(t, db, r, sealed)
		if report := h.verify(pinned); report.OK {
			t.Errorf("%s: not found", x.name)
		}
		for _, table := range []string{"c_event", "c_audit_head"} {
			if _, err := db.Exec(`DELETE FROM ` + table + `; INSERT INTO ` + table + ` SELECT * FROM kept_` + table); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.mustVerify(pinned)
}

// TestShortenedLogWithItsOldCheckpoint: going back to an older state of everything is told only by a
// checkpoint that was kept elsewhere.
func TestShortenedLogWithItsOldCheckpoint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(10)
	h.seal()
	db, err := sql.Open("sqlite", h.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec(t, db, `CREATE TABLE old AS SELECT body FROM c_audit_head; INSERT INTO old SELECT body FROM c_audit_head`)
	h.happen(5)
	h.seal()
	pinned := h.mustVerify("").Checkpoint
	exec(t, db, `DELETE FROM c_event WHERE x_seq > 10`)
	exec(t, db, `UPDATE c_audit_head SET body = (SELECT body FROM old LIMIT 1)`)
	if r := h.verify(""); !r.OK {
		t.Errorf("without a kept checkpoint this cannot be told: %+v", r)
	}
	if r := h.verify(pinned); r.OK || !strings.Contains(r.Problem, "shorter") {
		t.Errorf("with a kept checkpoint: %+v", r)
	}
}

func TestEraseKeepsTheProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(50)
	n, err := h.Erase(t.Context(), h.admin, "p3")
	if err != nil || n != 5 {
		t.Fatalf("erased %d events, %v", n, err)
	}
	h.seal()
	if r := h.mustVerify(""); r.Erased != 5 {
		t.Errorf("%+v", r)
	}
	list, err := h.List(t.Context(), h.admin, audit.Filter{Person: "p3"}, page.Request{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list.Items {
		if len(e.Personal) > 0 || e.Salt != "" {
			t.Errorf("still there: %v", e.Personal)
		}
	}
	h.happen(20) // new events about the person are whole again
	h.seal()
	h.mustVerify("")
}

func TestListAndTail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(30)
	h.seal()
	list, err := h.List(t.Context(), h.admin, audit.Filter{Object: "u7"}, page.Request{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Seq != 8 || list.Items[0].ActorType != "operator" {
		t.Errorf("by object: %+v, %v", list.Items, err)
	}
	if _, err := h.List(t.Context(), h.admin, audit.Filter{Object: "u7", Kind: "x"}, page.Request{}); !errs.Is(err, errs.Invalid) {
		t.Errorf("two filters: %v, want invalid", err)
	}
	want := int64(26)
	for e, err := range h.Tail(t.Context(), h.admin, 25) {
		if err != nil || e.Seq != want {
			t.Fatalf("tail: %+v, %v, want %d", e, err, want)
		}
		if want++; want == 31 {
			break
		}
	}
	nobody := access.Anonymous(acme, access.Origin{})
	for _, err := range h.Tail(t.Context(), nobody, 0) {
		if !errs.Is(err, errs.Unauthenticated) {
			t.Errorf("tail for anybody: %v", err)
		}
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(12)
	h.seal()
	h.Count(acme, "token.refresh", 40)
	for range 2 {
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.Count(acme, "token.refresh", 2)
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := h.Counters(t.Context(), h.admin, h.clock.Now().Add(-time.Hour), h.clock.Now().Add(time.Hour), page.Request{})
	got := map[string]int64{}
	for _, c := range p.Items {
		got[c.Name] = c.Count
	}
	if err != nil || got["user.updated"] != 12 || got["token.refresh"] != 42 {
		t.Errorf("%v, %v", got, err)
	}
}
