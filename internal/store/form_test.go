package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// A member as two versions of the program know it. The newer one writes two names where the older wrote one.
type (
	memberOne struct {
		store.Meta
		Name string       `json:"name"`
		PIN  secret.Value `json:"-"`
	}
	memberTwo struct {
		store.Meta
		First string       `json:"first"`
		Last  string       `json:"last"`
		PIN   secret.Value `json:"-"`
	}
)

const byLast = "by_last"

func memberOneKind() store.Kind[memberOne] {
	return store.Kind[memberOne]{
		Name: "member", Noun: "member", Meta: func(m *memberOne) *store.Meta { return &m.Meta },
		Sealed: []store.SealedField[memberOne]{{Name: "pin", Of: func(m *memberOne) *secret.Value { return &m.PIN }}},
	}
}

func memberTwoKind() store.Kind[memberTwo] {
	return store.Kind[memberTwo]{
		Name: "member", Noun: "member", Meta: func(m *memberTwo) *store.Meta { return &m.Meta },
		Sealed:  []store.SealedField[memberTwo]{{Name: "pin", Of: func(m *memberTwo) *secret.Value { return &m.PIN }}},
		Columns: []store.ColumnOf[memberTwo]{{Name: "last", Kind: store.TextKind, Of: func(m *memberTwo) store.Value { return store.Text(m.Last) }}},
		Indexes: []store.Index{{Name: byLast, Columns: []string{"last"}, Since: 2}},
		Forms:   []store.Form{{Format: 2, Up: splitName, Down: joinName}},
	}
}

func splitName(m store.Members) error {
	var name string
	if err := json.Unmarshal(m["name"], &name); err != nil {
		return err
	}
	delete(m, "name")
	for i, r := range name {
		if r == ' ' {
			m["first"], m["last"] = jsontext.Value(`"`+name[:i]+`"`), jsontext.Value(`"`+name[i+1:]+`"`)
			return nil
		}
	}
	return errors.New("no last name")
}

func joinName(m store.Members) error {
	var first, last string
	if err := errors.Join(json.Unmarshal(m["first"], &first), json.Unmarshal(m["last"], &last)); err != nil {
		return err
	}
	delete(m, "first")
	delete(m, "last")
	m["name"] = jsontext.Value(`"` + first + " " + last + `"`)
	return nil
}

// inFormat is a node that writes one format.
type inFormat int

func (f inFormat) Writes(context.Context) (int, error) { return int(f), nil }

func (f inFormat) Complete() int { return int(f) }

// TestForms: a newer program reads both forms, writes the one that it is told, and an older one finds
// everything as it left it.
func TestForms(t *testing.T) {
	t.Parallel()
	path, sealer := t.TempDir()+"/forms.db", storetest.NewSealer()
	open := func(format inFormat) *store.DB {
		db := storetest.NewDB(t, storetest.WithPath(path), storetest.WithSealer(sealer))
		db.WriteIn(format)
		return db
	}
	ctx, permit := t.Context(), storetest.Permit(id.Default, "member.test")
	commit := func(db *store.DB, op store.DocOp) error {
		_, err := db.Commit(ctx, store.Batch{Permit: permit, Docs: []store.DocOp{op}, Events: []store.Event{{Kind: "member.tested"}}})
		return err
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	one := open(1)
	old := store.NewCollection(one, memberOneKind()).In(id.Default)
	storetest.Ensure(t, one)
	ann := &memberOne{Meta: store.Meta{ID: "ann", Unknown: jsontext.Value(`{"later":[1]}`)}, Name: "Ann Lee", PIN: secret.New("1234")}
	must(commit(one, old.Insert(ctx, ann)))

	two := open(1)
	young := store.NewCollection(two, memberTwoKind()).In(id.Default)
	storetest.Ensure(t, two)
	read, err := young.Get(ctx, "ann")
	must(err)
	if got := []string{read.First, read.Last, read.PIN.Reveal(), string(read.Unknown)}; !cmp.Equal(got, []string{"Ann", "Lee", "1234", `{"later":[1]}`}) {
		t.Errorf("read %q", got)
	}
	// The older node does not keep the column, so nobody may go by it yet.
	if _, _, err := young.One(ctx, byLast, store.Text("Lee")); errs.CodeOf(err) != "upgrade_unfinished" {
		t.Errorf("an index that is not kept by all: %v", err)
	}
	read.Last = "Poe"
	must(commit(two, young.Replace(ctx, read)))
	back, err := old.Get(ctx, "ann")
	must(err)
	if back.Name != "Ann Poe" || back.PIN.Reveal() != "1234" || string(back.Unknown) != `{"later":[1]}` || back.Form != 0 {
		t.Errorf("the older node reads %+v", back)
	}

	two.WriteIn(inFormat(2))
	read, err = young.Get(ctx, "ann")
	must(err)
	must(commit(two, young.Replace(ctx, read)))
	if read, err = young.Get(ctx, "ann"); err != nil || read.Last != "Poe" || read.Form != 2 {
		t.Errorf("read %+v, %v", read, err)
	}
	if found, ok, err := young.One(ctx, byLast, store.Text("Poe")); err != nil || !ok || found.First != "Ann" {
		t.Errorf("found %v, %v", found, err)
	}
	// What it does not understand an older node neither reads nor overwrites.
	if got, err := old.Get(ctx, "ann"); err == nil {
		t.Errorf("an older node reads a newer form: %+v", got)
	}

	// A node that does not know what to write writes nothing.
	two.WriteIn(lost{})
	if err := commit(two, young.Delete(read)); err == nil {
		t.Error("a node wrote that may not")
	}
}

type lost struct{}

func (lost) Writes(context.Context) (int, error) { return 0, errors.New("lost") }

func (lost) Complete() int { return 0 }
