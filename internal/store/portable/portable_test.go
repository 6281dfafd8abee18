package portable_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/store/sqlite"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

type person struct {
	store.Meta
	Name   string       `json:"name"`
	Mail   string       `json:"mail,omitzero"`
	Secret secret.Value `json:"-"`
}

const byMail = "by_mail"

func personKind() store.Kind[person] {
	return store.Kind[person]{
		Name: "person", Noun: "person", Meta: func(p *person) *store.Meta { return &p.Meta },
		Columns: []store.ColumnOf[person]{{Name: "mail", Kind: store.TextKind, Of: func(p *person) store.Value { return store.TextOrNone(p.Mail) }}},
		Indexes: []store.Index{{Name: byMail, Columns: []string{"mail"}, Unique: true}},
		Sealed:  []store.SealedField[person]{{Name: "secret", Of: func(p *person) *secret.Value { return &p.Secret }}},
	}
}

// house is a store with people in it.
type house struct {
	*testing.T
	engine *sqlite.Engine
	clock  *storetest.Clock
	db     *store.DB
	people *store.Collection[person]
}

func newHouse(t *testing.T, sealer store.Sealer) *house {
	t.Helper()
	h := &house{T: t, clock: storetest.NewClock()}
	var err error
	h.engine, err = sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db"), Now: h.clock.Now, Durability: sqlite.Off})
	h.must(err)
	t.Cleanup(func() { h.must(h.engine.Close()) })
	h.db = store.New(store.Config{Engine: h.engine, Sealer: sealer, Now: h.clock.Now})
	h.people = store.NewCollection(h.db, personKind())
	h.must(h.db.Ensure(t.Context()))
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// settle fills the house with everything that has ever been lost on such a journey.
func (h *house) settle(people int) {
	h.Helper()
	for _, t := range []id.Tenant{id.Default, id.System, "z-9"} {
		for i := range people {
			p := &person{Meta: store.Meta{ID: fmt.Sprintf("p\x00%d é/\u2028", i)}, Name: strings.Repeat("n\u0000<&>\\\"", i%40), Secret: secret.New(fmt.Sprint("secret ", i))}
			if i%3 > 0 {
				p.Mail = fmt.Sprintf("%d@example.org", i)
			}
			if i%5 == 0 {
				p.Expires = h.clock.Now().AddDate(0, i-4, 0)
			}
			_, err := h.db.Commit(h.Context(), store.Batch{
				Permit: storetest.Permit(t, "person.settle"), Docs: []store.DocOp{h.people.In(t).Insert(h.Context(), p)},
				Events: []store.Event{{Kind: "person.settled", Personal: map[string]string{"name": p.Name}}},
				Tuples: []store.TupleOp{store.WriteTuple(store.Tuple{
					Object: store.ObjectRef{Type: "house", ID: fmt.Sprint(i % 7)}, Relation: "lives", Subject: store.SubjectRef{Type: "person", ID: p.ID}, Expires: p.Expires,
				})},
				Outbox: []store.Message{{Channel: "mail", To: "must-not-travel@example.org"}},
			})
			h.must(err)
		}
	}
}

func (h *house) export() (portable.Summary, []byte) {
	h.Helper()
	var out bytes.Buffer
	s, err := portable.Export(h.Context(), h.engine, portable.Exported{Schemas: h.db.Schemas(), At: h.clock.Now()}, &out)
	h.must(err)
	return s, out.Bytes()
}

func (h *house) bring(file []byte) (portable.Summary, error) {
	s, err := portable.Import(h.Context(), h.engine, h.intake(), bytes.NewReader(file))
	if err == nil {
		err = portable.Finish(h.Context(), h.engine, h.clock.Now())
	}
	return s, err
}

func (h *house) intake() portable.Intake {
	return portable.Intake{Schemas: h.db.Schemas(), Now: h.clock.Now}
}

func TestJourney(t *testing.T) {
	t.Parallel()
	sealer := storetest.NewSealer()
	old, fresh := newHouse(t, sealer), newHouse(t, sealer)
	old.settle(60)
	// A member of a newer version, and a number that a float would round, travel too.
	_, err := old.engine.Commit(t.Context(), store.Write{At: old.clock.Now(), Docs: []store.Op{{
		Kind: store.InsertOp, Key: store.Key{Tenant: id.Default, Collection: "person", ID: "newer"},
		Body: []byte(`{"name":"x","later":{"n":12345678901234567890}}`), Columns: []store.Value{{}},
	}}})
	old.must(err)
	summary, file := old.export()
	if summary.Docs == 0 || summary.Tuples == 0 || bytes.Contains(file, []byte("secret ")) || bytes.Contains(file, []byte("must-not-travel")) {
		t.Errorf("exported %+v", summary)
	}
	imported, err := fresh.bring(file)
	fresh.must(err)
	if diff := cmp.Diff(summary, imported); diff != "" {
		t.Error(diff)
	}
	again, file2 := fresh.export()
	if again.SHA256 != summary.SHA256 || !bytes.Equal(file, file2) {
		t.Error("the export of the import is another")
	}
	p, ok, err := fresh.people.In("z-9").One(t.Context(), byMail, store.Text("7@example.org"))
	if err != nil || !ok || p.Secret.Reveal() != "secret 7" {
		t.Errorf("%+v, %v", p, err)
	}
	r, err := fresh.engine.Get(t.Context(), store.Key{Tenant: id.Default, Collection: "person", ID: "newer"})
	if err != nil || !bytes.Contains(r.Body, []byte("12345678901234567890")) {
		t.Errorf("%s, %v", r.Body, err)
	}
	if on, err := portable.Unfinished(t.Context(), fresh.engine); on || err != nil {
		t.Errorf("unfinished: %v, %v", on, err)
	}
	if _, err := fresh.bring(file); errs.CodeOf(err) != "store_not_empty" {
		t.Errorf("a second import: %v", err)
	}
}

func TestEmptyJourney(t *testing.T) {
	t.Parallel()
	_, file := newHouse(t, storetest.NewSealer()).export()
	fresh := newHouse(t, storetest.NewSealer())
	if s, err := fresh.bring(file); err != nil || s.Docs+s.Tuples != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestInterruptedImport breaks off at every commit, and goes on.
func TestInterruptedImport(t *testing.T) {
	t.Parallel()
	sealer := storetest.NewSealer()
	old := newHouse(t, sealer)
	old.settle(150)
	_, file := old.export()
	_, other := newHouse(t, sealer).export()
	fresh := newHouse(t, sealer)
	for broken := 0; ; broken++ {
		target := &brittle{Target: fresh.engine, commits: 1}
		_, err := portable.Import(t.Context(), target, fresh.intake(), bytes.NewReader(file))
		if err == nil {
			// What must end in what was imported has not ended yet: who is killed now must not be served.
			if on, err := portable.Unfinished(t.Context(), fresh.engine); !on || err != nil {
				t.Errorf("finished before Finish: %v, %v", on, err)
			}
			if _, err := fresh.bring(file); err != nil {
				t.Errorf("once more, up to the end: %v", err)
			}
			if broken < 5 {
				t.Errorf("broken off only %d times", broken)
			}
			break
		}
		if on, unfinishedErr := portable.Unfinished(t.Context(), fresh.engine); !on || unfinishedErr != nil || !errors.Is(err, errBrittle) {
			t.Fatalf("%v; unfinished: %v, %v", err, on, unfinishedErr)
		}
		if _, err := fresh.bring(other); errs.CodeOf(err) != "import_unfinished" {
			t.Errorf("another file in between: %v", err)
		}
	}
	if _, file2 := fresh.export(); !bytes.Equal(file, file2) {
		t.Error("something was lost on the way")
	}
}

// TestNotAsWritten: a store that keeps something else than it was given is found out.
func TestNotAsWritten(t *testing.T) {
	t.Parallel()
	sealer := storetest.NewSealer()
	old, fresh := newHouse(t, sealer), newHouse(t, sealer)
	old.settle(5)
	_, file := old.export()
	_, err := portable.Import(t.Context(), forgetful{fresh.engine}, fresh.intake(), bytes.NewReader(file))
	if err == nil || !strings.Contains(err.Error(), "person has 0 of") {
		t.Errorf("nobody noticed: %v", err)
	}
	if on, err := portable.Unfinished(t.Context(), fresh.engine); !on || err != nil {
		t.Errorf("unfinished: %v, %v", on, err)
	}
}

// forgetful loses the people.
type forgetful struct{ portable.Target }

func (f forgetful) Commit(ctx context.Context, w store.Write) (store.Receipt, error) {
	w.Docs = slices.DeleteFunc(slices.Clone(w.Docs), func(o store.Op) bool { return o.Key.Collection == "person" })
	return f.Target.Commit(ctx, w)
}

// TestFormats: data in a format that this version does not know is refused before anything is written.
func TestFormats(t *testing.T) {
	t.Parallel()
	old, fresh := newHouse(t, storetest.NewSealer()), newHouse(t, storetest.NewSealer())
	var out bytes.Buffer
	_, err := portable.Export(t.Context(), old.engine, portable.Exported{Schemas: old.db.Schemas(), At: old.clock.Now(), Data: portable.Formats{2, 3}}, &out)
	old.must(err)
	intake, refused := fresh.intake(), errors.New("not these")
	intake.Fits = func(f portable.Formats) error {
		if f == (portable.Formats{2, 3}) {
			return refused
		}
		return nil
	}
	if _, err := portable.Import(t.Context(), fresh.engine, intake, bytes.NewReader(out.Bytes())); !errors.Is(err, refused) {
		t.Errorf("imported: %v", err)
	}
	if on, err := portable.Unfinished(t.Context(), fresh.engine); on || err != nil {
		t.Errorf("unfinished: %v, %v", on, err)
	}
}

// TestUntimed: a file for an older version says all but when tuples were written, and then nobody knows.
func TestUntimed(t *testing.T) {
	t.Parallel()
	sealer := storetest.NewSealer()
	old, fresh := newHouse(t, sealer), newHouse(t, sealer)
	old.settle(9)
	var out bytes.Buffer
	_, err := portable.Export(t.Context(), old.engine, portable.Exported{Schemas: old.db.Schemas(), At: old.clock.Now(), Format: portable.Untimed}, &out)
	old.must(err)
	if text := out.String(); !strings.Contains(text, `"format":2,`) || strings.Contains(text, `"written"`) {
		t.Errorf("an older version is not able to read it: %.200s", text)
	}
	if _, err := fresh.bring(out.Bytes()); err != nil {
		t.Error(err)
	}
	times := func(h *house) (known, unknown int) {
		stores, err := h.engine.TupleStores(t.Context())
		h.must(err)
		for _, s := range stores {
			_, err := h.engine.Snapshot(t.Context(), s, func(u store.Tuple) error {
				if u.Written.IsZero() {
					unknown++
				} else {
					known++
				}
				return nil
			})
			h.must(err)
		}
		return known, unknown
	}
	known, unknown := times(old)
	if k, u := times(fresh); known == 0 || unknown != 0 || k != 0 || u != known {
		t.Errorf("of %d times %d are there, and %d tuples have none", known, k, u)
	}
}

// brittle breaks after a number of commits.
type brittle struct {
	portable.Target
	commits int
}

var errBrittle = errors.New("broken off")

func (b *brittle) Commit(ctx context.Context, w store.Write) (store.Receipt, error) {
	if b.commits--; b.commits < 0 {
		return store.Receipt{}, errBrittle
	}
	return b.Target.Commit(ctx, w)
}

// TestDamage changes a file in every way and finds each time that it is refused and nothing was
// written.
func TestDamage(t *testing.T) {
	t.Parallel()
	old := newHouse(t, storetest.NewSealer())
	old.settle(3)
	_, file := old.export()
	lines := strings.SplitAfter(strings.TrimSuffix(string(file), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	first, firstTuple, last := 1, 0, len(lines)-1
	for i, l := range lines {
		if firstTuple == 0 && strings.HasPrefix(l, `{"tuple"`) {
			firstTuple = i
		}
	}
	join := func(parts ...[]string) string {
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(strings.Join(p, ""))
		}
		return b.String()
	}
	edit := func(from, to string) string { return sealAgain(strings.Replace(string(file), from, to, 1)) }
	damaged := map[string]string{
		"nothing":                    "",
		"a line missing":             join(lines[:2], lines[3:]),
		"a tuple missing":            join(lines[:firstTuple], lines[firstTuple+1:]),
		"a line twice":               sealAgain(join(lines[:2], lines[1:])),
		"lines exchanged":            sealAgain(join(lines[:1], lines[2:3], lines[1:2], lines[3:])),
		"a tuple among documents":    sealAgain(join(lines[:2], lines[firstTuple:firstTuple+1], lines[2:])),
		"no beginning":               sealAgain(join(lines[first:])),
		"two beginnings":             sealAgain(join(lines[:1], lines)),
		"no end":                     join(lines[:last]),
		"two ends":                   join(lines, lines[last:]),
		"something after the end":    string(file) + lines[1],
		"a blank line":               sealAgain(join(lines[:2], []string{"\n"}, lines[2:])),
		"no last newline":            strings.TrimSuffix(string(file), "\n"),
		"another format":             edit(`"format":3`, `"format":4`),
		"a format without parts":     edit(`"format":3,`, `"format":1,`),
		"a format without times":     edit(`"format":3,`, `"format":2,`),
		"no data formats":            edit(`"data":[1,1],`, ``),
		"data formats upside down":   edit(`"data":[1,1],`, `"data":[2,1],`),
		"another part":               strings.Replace(string(file), `"parts":[{"name":"event","count":9,`, `"parts":[{"name":"event","count":8,`, 1),
		"no parts":                   strings.Replace(string(file), `"parts":[`, `"parts":[],"partz":[`, 1),
		"an unknown collection":      edit(`"collections":["`, `"collections":["aliens","`),
		"the outbox":                 edit(`"person"]`, `"outbox","person"]`),
		"collections out of order":   edit(`["event","person"]`, `["person","event"]`),
		"a member too many":          edit(`{"doc":{`, `{"doc":{"extra":1,`),
		"a member twice":             edit(`{"doc":{`, `{"doc":{"version":1,`),
		"a member in another case":   edit(`"tenant":`, `"Tenant":`),
		"two members":                edit(`{"doc":{`, `{"end":{"docs":0,"tuples":0,"sha256":""},"doc":{`),
		"a tenant that is none":      edit(`"tenant":"default"`, `"tenant":"../x"`),
		"no tenant":                  edit(`"tenant":"default"`, `"tenant":""`),
		"a body that is none":        edit(`"body":{`, `"body":[],"x":{`),
		"another end":                edit(`"sha256":"`, `"sha256":"0`),
		"a byte changed":             strings.Replace(string(file), "person.settled", "person.nettled", 1),
		"a line that is too long":    lines[0] + strings.Repeat("x", portable.MaxLine+1) + "\n",
		"a long line without an end": lines[0] + strings.Repeat(" ", portable.MaxLine+1),
		"text that is not UTF-8":     edit(`person.settled`, "person\xffsettled"),
	}
	for at := 100; at < len(file); at += 997 {
		damaged[fmt.Sprintf("cut at %d", at)] = string(file[:at])
	}
	fresh := newHouse(t, storetest.NewSealer())
	for name, text := range damaged {
		if text == string(file) {
			t.Errorf("%s: not damaged at all", name)
		}
		_, err := fresh.bring([]byte(text))
		if !errs.Is(err, errs.Invalid) || errs.CodeOf(err) != "invalid_export" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := fresh.bring(file); err != nil {
		t.Errorf("after all that, the whole file: %v", err)
	}
}

// sealAgain gives a changed file a right digest, so that something else must find the change.
func sealAgain(text string) string {
	at := strings.LastIndex(text, `{"end"`)
	_, rest, ok := strings.Cut(text[at:], `"sha256":"`)
	if !ok || len(rest) < 64 {
		return text
	}
	if strings.HasPrefix(rest, "0") && len(rest) > 68 {
		return text // the test has spoilt the digest itself
	}
	sum := sha256.Sum256([]byte(text[:at]))
	return text[:len(text)-len(rest)] + hex.EncodeToString(sum[:]) + rest[64:]
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(`{"cardea":{"format":1,"at":"2026-11-20T12:00:00Z","collections":["person"]}}` + "\n"))
	for _, body := range []string{
		`{"cardea":{"format":1,"at":"2026-11-20T12:00:00Z","collections":["person"]}}` + "\n" +
			`{"doc":{"collection":"person","tenant":"default","id":"1","version":1,"body":{"name":"x"}}}` + "\n" +
			`{"tuple":{"tenant":"default","object":["a","b"],"relation":"c","subject":["d","e",""]}}` + "\n",
		`{"cardea":{"format":1,"at":"2026-11-20T12:00:00Z","collections":[]}}` + "\n",
	} {
		sum := sha256.Sum256([]byte(body))
		docs, tuples := strings.Count(body, `{"doc"`), strings.Count(body, `{"tuple"`)
		f.Add(fmt.Appendf([]byte(body), `{"end":{"docs":%d,"tuples":%d,"sha256":"%x"}}`+"\n", docs, tuples, sum))
	}
	schemas := []store.Schema{{Name: "person"}}
	f.Add([]byte(`{"cardea":{"format":3,"at":"2026-11-20T12:00:00Z","data":[1,1],"collections":[]}}` + "\n" +
		`{"tuple":{"tenant":"default","object":["a","b"],"relation":"c","subject":["d","e",""],"written":"2026-11-20T12:00:00Z"}}` + "\n"))
	f.Add([]byte(`{"cardea":{"format":2,"at":"2026-11-20T12:00:00Z","data":[1,1],"collections":["person"]}}` + "\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := portable.Verify(bytes.NewReader(file), schemas)
		if err != nil {
			if !errs.Is(err, errs.Invalid) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		// What is accepted is one of ours: the digest stands in it, and it ends with a line's end.
		if !bytes.Contains(file, []byte(s.SHA256)) || file[len(file)-1] != '\n' || int64(bytes.Count(file, []byte{'\n'})) != s.Docs+s.Tuples+2 {
			t.Errorf("accepted %+v", s)
		}
	})
}
