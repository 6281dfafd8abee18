package point_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// evaluator permits whom its bundle names. Rego itself is tested where it is built in.
type evaluator struct{ prepared atomic.Int64 }

func (e *evaluator) Prepare(_ context.Context, _ point.Rego, b point.Bundle) (point.Prepared, error) {
	e.prepared.Add(1)
	text := string(b.Archive)
	if b.Dir != nil {
		found, err := fs.ReadFile(b.Dir, "who")
		if err != nil {
			return nil, err
		}
		text = string(found)
	}
	if text == "unsound" {
		return nil, errors.New("unsound")
	}
	return names(text), nil
}

type names string

func (n names) Permits(_ context.Context, q point.Question) (bool, error) {
	if q.Subject.ID == "unclear" {
		return true, errors.New("unclear")
	}
	return string(n) == q.Subject.ID, nil
}

// TestBundles are read from a directory or an address, anew every half minute, and a bundle that is gone or
// unsound permits nothing.
func TestBundles(t *testing.T) {
	t.Parallel()
	clock, e := storetest.NewClock(), &evaluator{}
	way, err := egress.New(egress.Config{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	files := fstest.MapFS{"who": {Data: []byte("anne")}}
	w := &world{T: t, db: storetest.NewDB(t, storetest.WithClock(clock)), admin: access.Operator(acme, "root", "test")}
	w.Points = point.New(point.Config{
		DB: w.db, Guard: storetest.Guard(time.Now), Egress: way, Issuer: func(id.Tenant) string { return issuer }, Rego: e,
		Bundles: func(_ id.Tenant, name string) (fs.FS, error) {
			if name != "local" {
				return nil, fs.ErrNotExist
			}
			return files, nil
		},
	})
	storetest.Ensure(t, w.db)
	rule := &point.Rego{Version: 1, Query: "data.cardea.allow"}
	var served atomic.Value
	served.Store("anne")
	w.serve("remote", point.Settings{Rego: rule}, func(rw http.ResponseWriter, r *http.Request) {
		if served.Load() == "" {
			http.NotFound(rw, r)
			return
		}
		say(served.Load().(string))(rw, r)
	})
	for _, name := range []string{"local", "absent"} {
		if _, err := w.Set(t.Context(), w.admin, name, point.Settings{Rego: rule}, nil); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(name, subject string) (bool, error) {
		got, err := w.Ask(t.Context(), acme, name, nil, []point.Question{about(subject)})
		return err == nil && got[0].Permit, err
	}
	want := func(name, subject string, permit, fail bool) {
		t.Helper()
		if got, err := ask(name, subject); got != permit || (err != nil) != fail || fail && errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%s: %s %v, %v", name, subject, got, err)
		}
	}
	want("absent", "anne", false, true)
	for _, name := range []string{"local", "remote"} {
		want(name, "anne", true, false)
		want(name, "bob", false, false)
		want(name, "unclear", false, true)
	}
	if n := e.prepared.Load(); n != 2 {
		t.Errorf("bundles were made ready %d times", n)
	}
	files["who"] = &fstest.MapFile{Data: []byte("bob")}
	served.Store("")
	clock.Advance(29 * time.Second)
	want("local", "anne", true, false)
	clock.Advance(time.Second)
	want("local", "anne", false, false)
	want("local", "bob", true, false)
	want("remote", "anne", false, true) // it is gone
	served.Store("unsound")
	want("remote", "anne", false, true)
	served.Store("bob")
	want("remote", "bob", true, false)
}

// TestWithoutRego: a program that was built without Rego keeps no bundles.
func TestWithoutRego(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	_, err := w.Set(t.Context(), w.admin, "rules", point.Settings{Rego: &point.Rego{Query: "data.cardea.allow"}}, nil)
	if errs.CodeOf(err) != "rego_not_built" {
		t.Error(err)
	}
	for query, version := range map[string]int{"": 1, "data": 1, "1 == 1": 1, "data.x; true": 1, "data.x.y": 2} {
		e := &world{T: t, db: storetest.NewDB(t), admin: w.admin}
		e.Points = point.New(point.Config{DB: e.db, Guard: storetest.Guard(time.Now), Issuer: func(id.Tenant) string { return issuer }, Rego: &evaluator{}})
		storetest.Ensure(t, e.db)
		if _, err := e.Set(t.Context(), e.admin, "rules", point.Settings{Rego: &point.Rego{Query: query, Version: version}}, nil); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q, version %d: %v", query, version, err)
		}
	}
}
