package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/cedar-policy/cedar-go"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Version is a version of a set. It never changes.
type Version struct {
	store.Meta
	Draft
	Set     string    `json:"set"`
	Number  int       `json:"number"` // from 1
	Digest  string    `json:"digest"` // SHA-256 of policies and schema
	Created time.Time `json:"created"`
	// Author is who wrote it; nobody for versions that were written before this was kept.
	Author access.Subject `json:"author,omitzero"`
}

// Draft is what a version is made of.
type Draft struct {
	Text   string `json:"text"`            // policies, in Cedar's own form
	Schema string `json:"schema,omitzero"` // Cedar's, in either of its forms; empty: none
	Note   string `json:"note,omitzero"`   // what changed, for people
	Cases  []Case `json:"cases,omitzero"`
}

const versionsBySet = "by_set"

func versionKind() store.Kind[Version] {
	return store.Kind[Version]{
		Name: "policy_version", Noun: "version of a policy set",
		Meta: func(v *Version) *store.Meta { return &v.Meta },
		Columns: []store.ColumnOf[Version]{
			{Name: "set", Kind: store.TextKind, Of: func(v *Version) store.Value { return store.Text(v.Set) }},
			{Name: "number", Kind: store.IntKind, Of: func(v *Version) store.Value { return store.Int(int64(v.Number)) }},
		},
		Indexes: []store.Index{{Name: versionsBySet, Columns: []string{"set", "number"}}},
	}
}

func noVersion() error {
	return errs.New(errs.NotFound, "policy_version_not_found", "The set has no such version.")
}

// versionID is the id of a version. Names of sets hold no slash.
func versionID(set string, number int) string { return set + "/" + strconv.Itoa(number) }

// Check refuses a draft that is not sound: its policies, its schema, its cases. It runs nothing.
func (d Draft) Check() (*Policies, error) {
	p, err := Parse(d.Text)
	if err != nil {
		return nil, err
	}
	if err := p.Validate(d.Schema); err != nil {
		return nil, err
	}
	if len(d.Note) > maxDescription {
		return nil, errs.Bad("/note", "must not be longer than %d bytes", maxDescription)
	}
	return p, checkCases(d.Cases)
}

// Write adds a version to a set. It decides nothing until it is activated.
func (s *Sets) Write(ctx context.Context, c access.Caller, set string, d Draft) (*Version, error) {
	permit, err := s.guard.Allow(ctx, c, "policy.write", setObject(set))
	if err != nil {
		return nil, err
	}
	if _, err := d.Check(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(strconv.Itoa(len(d.Text)) + ":" + d.Text + d.Schema))
	v := &Version{Draft: d, Set: set, Digest: hex.EncodeToString(sum[:]), Author: c.Subject()}
	in := s.versions.In(c.Tenant())
	_, err = s.sets.In(c.Tenant()).Update(ctx, set, func(doc *Set) (store.Batch, error) {
		number, err := s.free(ctx, c.Tenant(), doc)
		if err != nil {
			return store.Batch{}, err
		}
		doc.Latest, doc.Updated = number, s.db.Now()
		v.ID, v.Number, v.Created = versionID(set, number), number, doc.Updated
		return store.Batch{Permit: permit, Docs: []store.DocOp{in.Insert(ctx, v)}, Events: []store.Event{{
			Kind: "policy.written", Object: setObject(set), Public: map[string]string{"version": strconv.Itoa(number), "digest": v.Digest},
		}}}, nil
	})
	if err != nil {
		return nil, instead(err, noSet())
	}
	return v, nil
}

// free is the next number of which no version is left of an earlier set of the same name.
func (s *Sets) free(ctx context.Context, t id.Tenant, doc *Set) (int, error) {
	for number := doc.Latest + 1; ; number++ {
		_, err := s.versions.In(t).Get(ctx, versionID(doc.ID, number))
		if errs.Is(err, errs.NotFound) {
			return number, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// Version reads a version; 0 is the active one.
func (s *Sets) Version(ctx context.Context, c access.Caller, set string, number int) (*Version, error) {
	if _, err := s.guard.Allow(ctx, c, "policy.read", setObject(set)); err != nil {
		return nil, err
	}
	return s.version(ctx, c.Tenant(), set, number)
}

func (s *Sets) version(ctx context.Context, t id.Tenant, set string, number int) (*Version, error) {
	doc, err := s.sets.In(t).View(ctx, set)
	if err != nil {
		return nil, instead(err, noSet())
	}
	if number == 0 {
		if number = doc.Active; number == 0 {
			return nil, errs.New(errs.NotFound, "policy_not_active", "No version of the policy set is active.")
		}
	}
	v, err := s.versions.In(t).Get(ctx, versionID(set, number))
	return v, instead(err, noVersion())
}

// Versions lists the versions of a set, the newest first.
func (s *Sets) Versions(ctx context.Context, c access.Caller, set string, r page.Request) (page.Page[*Version], error) {
	if _, err := s.guard.Allow(ctx, c, "policy.read", setObject(set)); err != nil {
		return page.Page[*Version]{}, err
	}
	if _, err := s.sets.In(c.Tenant()).View(ctx, set); err != nil {
		return page.Page[*Version]{}, instead(err, noSet())
	}
	return s.versions.In(c.Tenant()).Find(ctx, store.Query{
		Index: versionsBySet, Eq: []store.Value{store.Text(set)}, Desc: true, Request: r,
	})
}

// Test runs the cases of a version; 0 is the active one.
func (s *Sets) Test(ctx context.Context, c access.Caller, set string, number int) ([]Outcome, error) {
	v, err := s.Version(ctx, c, set, number)
	if err != nil {
		return nil, err
	}
	return v.run(ctx)
}

// Checked is what a look at a draft has found: what is wrong with its texts, or else what became of its cases.
type Checked struct {
	Findings []Finding
	Cases    []Outcome
}

// Check looks at a draft that may become a version of a set, and writes nothing. Texts that are not sound are
// an answer; what else would be refused is an error.
func (s *Sets) Check(ctx context.Context, c access.Caller, set string, d Draft) (Checked, error) {
	if _, err := s.Get(ctx, c, set); err != nil {
		return Checked{}, err
	}
	p, err := d.Check()
	if found := Findings(err); len(found) > 0 {
		return Checked{Findings: found}, nil
	}
	if err != nil {
		return Checked{}, err
	}
	outcomes, err := p.Run(ctx, d.Cases)
	return Checked{Cases: outcomes}, err
}

// Activate has a version decide, at once and everywhere. An older one is a rollback. Its cases run
// first: if one fails, nothing changes (Precondition, policy_cases_failed).
func (s *Sets) Activate(ctx context.Context, c access.Caller, set string, number int) (*Set, error) {
	permit, err := s.guard.Allow(ctx, c, "policy.activate", setObject(set))
	if err != nil {
		return nil, err
	}
	if number <= 0 {
		return nil, noVersion()
	}
	v, err := s.version(ctx, c.Tenant(), set, number)
	if err != nil {
		return nil, err
	}
	outcomes, err := v.run(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range outcomes {
		if !o.Passed {
			return nil, errs.New(errs.Precondition, "policy_cases_failed", "Version %d fails %d of its %d cases; nothing was changed.", number, failures(outcomes), len(outcomes))
		}
	}
	doc, err := s.sets.In(c.Tenant()).Update(ctx, set, func(doc *Set) (store.Batch, error) {
		before := doc.Active
		if before != number {
			doc.Previous = before
		}
		doc.Active, doc.Updated = number, s.db.Now()
		return store.Batch{Permit: permit, Events: []store.Event{{
			Kind: "policy.activated", Object: setObject(set), Public: map[string]string{"before": strconv.Itoa(before), "version": strconv.Itoa(number), "digest": v.Digest},
		}}}, nil
	})
	return doc, instead(err, noSet())
}

// Rollback activates the version that was active before.
func (s *Sets) Rollback(ctx context.Context, c access.Caller, set string) (*Set, error) {
	if _, err := s.guard.Allow(ctx, c, "policy.activate", setObject(set)); err != nil {
		return nil, err
	}
	doc, err := s.sets.In(c.Tenant()).Get(ctx, set)
	if err != nil {
		return nil, instead(err, noSet())
	}
	if doc.Previous == 0 {
		return nil, errs.New(errs.Precondition, "no_previous_version", "No other version of the set was active before.")
	}
	return s.Activate(ctx, c, set, doc.Previous)
}

func (d Draft) run(ctx context.Context) ([]Outcome, error) {
	p, err := Parse(d.Text)
	if err != nil {
		return nil, err
	}
	return p.Run(ctx, d.Cases)
}

// Use says which policies are asked.
type Use struct {
	Set     string
	Version int       // 0: the active one
	Draft   *Policies // instead, if not nil
}

// Judge asks the policies of a tenant. It says which version has answered; 0 is a draft.
func (s *Sets) Judge(ctx context.Context, t id.Tenant, u Use, q Question, explain bool) (Verdict, int, error) {
	p, number := u.Draft, 0
	if p == nil {
		var err error
		if p, number, err = s.ready(ctx, t, u); err != nil {
			return Verdict{}, 0, err
		}
	}
	v, err := p.Judge(ctx, q.identified(), explain)
	return v, number, err
}

// ready finds the policies that are asked. A version never changes, so it is compiled once.
func (s *Sets) ready(ctx context.Context, t id.Tenant, u Use) (*Policies, int, error) {
	number := u.Version
	if number == 0 {
		doc, err := s.sets.In(t).View(ctx, u.Set)
		if err != nil {
			return nil, 0, instead(err, noSet())
		}
		number = doc.Active
	}
	key := versionKey{t, u.Set, number}
	p, round := s.compiled.get(key)
	if p != nil {
		return p, number, nil
	}
	v, err := s.version(ctx, t, u.Set, number)
	if err != nil {
		return nil, 0, err
	}
	p, err = Parse(v.Text)
	if err != nil { // it was sound when it was written: the fault is ours
		return nil, 0, errs.Wrap(errs.Internal, fmt.Errorf("policy set %s, version %d: %w", u.Set, v.Number, err), "", "A stored policy could not be read.")
	}
	s.compiled.put(versionKey{t, u.Set, v.Number}, p, round)
	return p, v.Number, nil
}

type versionKey struct {
	tenant id.Tenant
	set    string
	number int
}

// shelf keeps what was compiled. It turns whenever something is let go of, and takes nothing that was read
// before: a slow reader could put back the policies of a set that was deleted and made anew meanwhile.
type shelf struct {
	mu    sync.RWMutex
	all   map[versionKey]*Policies
	round uint64
}

// maxCompiled bounds the shelf. Compiled policies take some ten times their text.
const maxCompiled = 200

func newShelf() *shelf { return &shelf{all: map[versionKey]*Policies{}} }

// get also says in which round it was asked, for put.
func (s *shelf) get(k versionKey) (p *Policies, round uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.all[k], s.round
}

// put makes room by letting go of any one: whichever it is, it can be made again. It does nothing in a later
// round than get was asked in.
func (s *shelf) put(k versionKey, p *Policies, round uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.round != round {
		return
	}
	if len(s.all) >= maxCompiled {
		for other := range s.all {
			delete(s.all, other)
			break
		}
	}
	s.all[k] = p
}

func (s *shelf) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.round++
	clear(s.all)
}

// drop lets go of a set that was deleted, because its numbers may begin again; of all sets of the tenant
// with an empty name.
func (s *shelf) drop(t id.Tenant, set string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.round++
	for k := range s.all {
		if k.tenant == t && (set == "" || k.set == set) {
			delete(s.all, k)
		}
	}
}

// Active fails if no version of the set is active.
func (s *Sets) Active(ctx context.Context, t id.Tenant, set string) error {
	_, _, err := s.ready(ctx, t, Use{Set: set})
	return err
}

// OnlyForbids reports whether the active version can permit nothing.
func (s *Sets) OnlyForbids(ctx context.Context, t id.Tenant, set string) (bool, error) {
	p, _, err := s.ready(ctx, t, Use{Set: set})
	if err != nil {
		return false, err
	}
	for _, c := range p.list {
		if c.policy.Effect() == cedar.Permit {
			return false, nil
		}
	}
	return true, nil
}
