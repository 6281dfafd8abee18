package identity

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/store"
)

// SetUpLife is how long a set-up link is good.
const SetUpLife = 30 * time.Minute

// setUp is a singleton of the system tenant: the hash of the link that makes the first
// administrator, and, once somebody has become one, the fact that set-up is closed for good. It is
// never deleted, so deleting the administrator does not open it again.
type setUp struct {
	store.Meta
	Hash   string    `json:"hash,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Closed time.Time `json:"closed,omitzero"`
}

const setUpID = "first-administrator"

func setUpKind() store.Kind[setUp] {
	return store.Kind[setUp]{
		Name: "set_up", Noun: "set-up",
		Meta: func(x *setUp) *store.Meta { return &x.Meta },
	}
}

func errSetUpClosed() error {
	return errs.New(errs.Precondition, "set_up_closed", "This server has its first administrator already.")
}

func errSetUpLink() error {
	return errs.New(errs.NotFound, "link_expired", "This set-up link is too old; make a new one with cardea setup-link.")
}

// NewSetUpToken makes the token of a set-up link, which ends the one before. Precondition with code
// set_up_closed if there has been an administrator.
func (s *Accounts) NewSetUpToken(ctx context.Context, c access.Caller) (string, error) {
	permit, err := s.guard.Allow(ctx, c.For(id.System), "user.invite_administrator", access.Object{Type: "cardea:set_up"})
	if err != nil {
		return "", err
	}
	x, err := s.setUpState(ctx)
	if err != nil {
		return "", err
	}
	token := opaque.New(opaque.Setup)
	x.Hash, x.Until = opaque.Hash(token), s.db.Now().Add(SetUpLife)
	_, err = s.db.Commit(ctx, store.Batch{
		Permit: permit, Docs: []store.DocOp{s.saveSetUp(ctx, x)},
		Events: []store.Event{{Kind: "set_up.link_made"}},
	})
	return token, err
}

// setUpState reads the singleton; an error with code set_up_closed if it is closed.
func (s *Accounts) setUpState(ctx context.Context) (*setUp, error) {
	x, err := s.setUps.In(id.System).Get(ctx, setUpID)
	switch {
	case errs.Is(err, errs.NotFound):
		return &setUp{Meta: store.Meta{ID: setUpID}}, nil
	case err != nil:
		return nil, err
	case !x.Closed.IsZero():
		return nil, errSetUpClosed()
	}
	return x, nil
}

func (s *Accounts) saveSetUp(ctx context.Context, x *setUp) store.DocOp {
	if x.Version == 0 {
		return s.setUps.In(id.System).Insert(ctx, x)
	}
	return s.setUps.In(id.System).Replace(ctx, x)
}

// CloseSetUp is the operation that closes set-up, for the batch that makes an administrator by other
// means; false if it is closed already.
func (s *Accounts) CloseSetUp(ctx context.Context) (store.DocOp, bool, error) {
	x, err := s.setUpState(ctx)
	if errs.CodeOf(err) == "set_up_closed" {
		return store.DocOp{}, false, nil
	}
	if err != nil {
		return store.DocOp{}, false, err
	}
	x.Hash, x.Closed = "", s.db.Now()
	return s.saveSetUp(ctx, x), true, nil
}

// SetUpStep makes the first administrator for whoever holds the set-up link.
type SetUpStep struct{ *Accounts }

// Name is the step's name in the API.
func (SetUpStep) Name() string { return "set_up" }

// Offer shows the step in the system tenant while set-up is open.
func (s SetUpStep) Offer(ctx context.Context, st flow.State) (flow.View, bool, error) {
	if st.Kind != flow.SetUp || st.Tenant != id.System || len(st.Proofs) > 0 {
		return flow.View{}, false, nil
	}
	if _, err := s.setUpState(ctx); err != nil {
		return flow.View{}, false, err
	}
	return flow.View{Fields: []flow.Field{
		{Name: "token", Type: "text", Required: true},
		{Name: "email", Type: "email", Autocomplete: "username", Required: true},
		{Name: "password", Type: "password", Autocomplete: "new-password", Required: true},
		{Name: "name", Type: "text", Autocomplete: "name"},
	}}, true, nil
}

// What the set-up remembers for its finisher.
const (
	memoEmail = "email"
	memoName  = "name"
)

// Submit checks the link first: without it nothing is hashed.
func (s SetUpStep) Submit(ctx context.Context, _ access.Caller, _ flow.State, in flow.Input) (flow.Outcome, error) {
	x, err := s.setUpState(ctx)
	if err != nil {
		return flow.Outcome{}, err
	}
	token := in.Text("token")
	if !opaque.Valid(opaque.Setup, token) || x.Hash != opaque.Hash(token) || !s.db.Now().Before(x.Until) {
		return flow.Outcome{}, errSetUpLink()
	}
	a, err := email.Parse(in.Text("email"))
	if err != nil {
		return flow.Outcome{}, err
	}
	name, err := personName(in.Text("name"))
	if err != nil {
		return flow.Outcome{}, err
	}
	hash, err := s.newPassword(ctx, &User{Email: a.String(), Name: name}, in.Secret("password"))
	if err != nil {
		return flow.Outcome{}, err
	}
	return flow.Outcome{
		Proofs: []flow.Proof{{Method: MethodPassword, Strength: access.OneFactor}},
		Memo:   map[string]string{memoEmail: a.String(), memoName: name, memoPassword: string(hash)},
	}, nil
}

// FinishSetUp is the finisher that opens the first administrator's account and closes set-up in the
// same batch: of two who hold the link one wins.
func (s *Accounts) FinishSetUp(ctx context.Context, _ access.Caller, done flow.Completed) (flow.Contribution, error) {
	a, err := email.Parse(done.Memo(memoEmail))
	if err != nil || done.Memo(memoPassword) == "" {
		return flow.Contribution{}, errUnproved()
	}
	closing, open, err := s.CloseSetUp(ctx)
	if err != nil {
		return flow.Contribution{}, err
	}
	if !open {
		return flow.Contribution{}, errSetUpClosed()
	}
	now := s.db.Now()
	u := &User{
		Meta: store.Meta{ID: id.New()}, Email: a.String(), EmailKey: a.Canonical(), EmailVerified: now,
		Name: done.Memo(memoName), Password: password.Hash(done.Memo(memoPassword)), PasswordAt: now, Created: now, Epoch: 1,
	}
	batch := store.Batch{
		Docs: []store.DocOp{s.users.In(id.System).Insert(ctx, u), closing},
		Events: []store.Event{{
			Kind: "user.created", Object: u.adminObject(), Person: u.ID,
			Public: map[string]string{"administrator": "platform"}, Personal: map[string]string{"email": u.Email},
		}},
	}
	if s.FirstAdmin != nil {
		batch.Tuples = s.FirstAdmin(u.ID)
	}
	return flow.Contribution{
		User: u.ID, Change: flow.Change{Action: "user.set_up", Object: u.adminObject(), Batch: batch},
	}, nil
}

// CreateAdministrator opens an account of a platform administrator, which closes set-up. It belongs
// to the operator of the machine; administrators of the platform assign the role instead.
func (s *Accounts) CreateAdministrator(ctx context.Context, c access.Caller, n NewUser) (*User, error) {
	u := &User{Meta: store.Meta{ID: id.New()}, Created: s.db.Now(), Epoch: 1}
	c = c.For(id.System)
	permit, err := s.guard.Allow(ctx, c, "role.assign_administrator", u.adminObject())
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, u, n); err != nil {
		return nil, err
	}
	batch := store.Batch{
		Permit: permit, Docs: []store.DocOp{s.users.In(id.System).Insert(ctx, u)}, Tuples: s.FirstAdmin(u.ID),
		Events: []store.Event{{
			Kind: "user.created", Person: u.ID, Public: map[string]string{"administrator": "platform"},
			Personal: map[string]string{"email": u.Email},
		}},
	}
	closing, open, err := s.CloseSetUp(ctx)
	if err != nil {
		return nil, err
	}
	if open {
		batch.Docs = append(batch.Docs, closing)
	}
	_, err = s.db.Commit(ctx, batch)
	if store.Exists(err, usersByEmail) {
		return nil, errs.Wrap(errs.Conflict, err, "email_taken", "There is an account with this address already.")
	}
	return u, err
}
