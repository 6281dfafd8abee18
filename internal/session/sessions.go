package session

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Users tells what holds of a user now.
type Users interface {
	View(ctx context.Context, t id.Tenant, userID string) (*identity.User, error)
}

// Offline ends what applications were given to outlive the sessions of a user.
type Offline interface {
	EndOffline(ctx context.Context, c access.Caller, userID, keepSession string) error
}

// Config is what sessions need; all of it but Activity is required. Offline may be set later, by who stands above.
type Config struct {
	DB          *store.DB
	Guard       *access.Guard
	Users       Users
	Tenants     *tenant.Tenants
	Revocations *tenant.Revocations
	Offline     Offline
	// Activity counts what happens too often to be an event. It is told session.active when a session is
	// used for the first time in an hour other than that of its last use; with session.started that is
	// how many sessions were active in an hour, as far as touches were not dropped.
	Activity func(t id.Tenant, name string)
}

// Sessions are the sessions of all tenants.
type Sessions struct {
	Config
	all     *store.Collection[Session]
	touched *store.Touches[Session]
}

// New declares sessions to the DB.
func New(c Config) *Sessions {
	s := &Sessions{Config: c, all: store.NewCollection(c.DB, kind())}
	s.touched = store.NewTouches(s.all, c.Guard, store.Touch[Session]{
		Action:  "session.touch",
		Last:    func(s *Session) *time.Time { return &s.Active },
		Live:    func(s *Session) bool { return s.Ended.IsZero() },
		Written: s.used,
	})
	return s
}

// used counts a session once in each hour in which it is used.
func (s *Sessions) used(t id.Tenant, before, now time.Time) {
	if s.Activity != nil && now.Truncate(time.Hour).After(before) {
		s.Activity(t, "session.active")
	}
}

// Live is a session that is good now.
type Live struct {
	*Session                // shared: must not be changed
	User     *identity.User // as of now; shared
	Until    time.Time      // when it ends if nothing happens
}

// Resolve finds the session of a cookie. Unauthenticated with code session_expired if the token is
// not one, or its session is not good any more.
func (s *Sessions) Resolve(ctx context.Context, t id.Tenant, token string) (Live, error) {
	sid, ok := parseToken(token)
	if !ok {
		return Live{}, errExpired()
	}
	live, err := s.Standing(ctx, t, sid)
	if err != nil {
		return Live{}, err
	}
	if !live.holds(token) {
		return Live{}, errExpired()
	}
	s.touched.Note(t, live.Session)
	return live, nil
}

// Standing finds a session by its public id, for the rooms that check what a token was made from.
func (s *Sessions) Standing(ctx context.Context, t id.Tenant, sid string) (Live, error) {
	doc, err := s.all.In(t).View(ctx, sid)
	if errs.Is(err, errs.NotFound) {
		return Live{}, errExpired()
	}
	if err != nil {
		return Live{}, err
	}
	home, user, err := s.facts(ctx, t, doc.User)
	if err != nil {
		return Live{}, err
	}
	until, err := doc.alive(s.DB.Now(), s.Tenants.Rules(home), home.Epoch, user)
	return Live{Session: doc, User: user, Until: until}, err
}

// View reads a session as it is kept, ended ones too, through the cache. The result is shared.
func (s *Sessions) View(ctx context.Context, t id.Tenant, sid string) (*Session, error) {
	return s.all.In(t).View(ctx, sid)
}

// facts reads what decides over life and death of a user's sessions.
func (s *Sessions) facts(ctx context.Context, t id.Tenant, userID string) (*tenant.Tenant, *identity.User, error) {
	home, err := s.Tenants.Standing(ctx, t)
	if err == nil {
		var user *identity.User
		if user, err = s.Users.View(ctx, t, userID); err == nil {
			return home, user, nil
		}
	}
	if errs.Is(err, errs.NotFound) {
		err = errExpired()
	}
	return nil, nil, err
}

// Start is the finisher that begins a session, or after a step-up strengthens the one that the browser
// has. Another session that the browser had ends in the same batch: nobody inherits another's, and
// what was in the cookie before a change of rights is worth nothing after it.
func (s *Sessions) Start(ctx context.Context, c access.Caller, done flow.Completed) (flow.Contribution, error) {
	if !done.Valid() || done.User() == "" {
		return flow.Contribution{}, errExpired()
	}
	home, err := s.Tenants.Standing(ctx, done.Tenant())
	if err != nil {
		return flow.Contribution{}, err
	}
	epoch, err := s.epochOf(ctx, done)
	if err != nil {
		return flow.Contribution{}, err
	}
	old, err := s.present(ctx, c)
	if err != nil {
		return flow.Contribution{}, err
	}
	if done.Kind() == flow.StepUp && old != nil && old.User == done.User() && old.UserEpoch == epoch && old.TenantEpoch == home.Epoch {
		return s.strengthen(ctx, old, done), nil
	}
	var batch store.Batch
	if old != nil {
		batch = s.end(ctx, c.Tenant(), old, Replaced)
	}
	return s.begin(ctx, c, done, home, epoch, batch)
}

// begin adds a new session to a batch.
func (s *Sessions) begin(ctx context.Context, c access.Caller, done flow.Completed, home *tenant.Tenant, epoch int64, batch store.Batch) (flow.Contribution, error) {
	t, now, rule := done.Tenant(), s.DB.Now(), s.Tenants.Rules(home)
	next := &Session{
		User: done.User(), Epoch: 1, UserEpoch: epoch, TenantEpoch: home.Epoch, Created: now, Active: now,
		Proofs: done.Proofs(), Strength: done.Strength(), Client: done.Client(), UserAgent: c.Origin().UserAgent,
	}
	if a := c.Origin().Address; a.IsValid() {
		next.Address = a.String()
	}
	over, err := s.overLimit(ctx, t, next.User, rule)
	if err != nil {
		return flow.Contribution{}, err
	}
	token, sid := newToken()
	next.Meta = store.Meta{ID: sid, Expires: now.Add(rule.SessionAbsolute.Duration())}
	next.Hash = opaque.Hash(token)
	batch = batch.And(over)
	batch.Docs = append(batch.Docs, s.all.In(t).Insert(ctx, next))
	return s.given(next, token, batch, done, "session.started"), nil
}

// strengthen adds what was proved to a session and changes its secret. Its id and epoch stay: tokens
// that applications got in this browser were not made with the secret, and live on.
func (s *Sessions) strengthen(ctx context.Context, old *Session, done flow.Completed) flow.Contribution {
	next, token := s.rekeyed(old)
	next.Proofs = done.Proofs()
	for _, p := range old.Proofs { // the last by each method is kept
		if !slices.ContainsFunc(next.Proofs, func(n flow.Proof) bool { return n.Method == p.Method }) {
			next.Proofs = append(next.Proofs, p)
		}
	}
	next.Strength = max(old.Strength, done.Strength())
	batch := store.Batch{Docs: []store.DocOp{s.all.In(done.Tenant()).Replace(ctx, next)}}
	return s.given(next, token, batch, done, "session.strengthened")
}

// rekeyed is a session with a new secret: whoever knows the old one is out.
func (s *Sessions) rekeyed(old *Session) (next *Session, token string) {
	changed := *old
	public, _ := id.Bytes(old.ID)
	token = tokenOf(public)
	changed.Hash, changed.Active = opaque.Hash(token), s.DB.Now()
	return &changed, token
}

// given is what the flow contributes for a session.
func (s *Sessions) given(next *Session, token string, batch store.Batch, done flow.Completed, event string) flow.Contribution {
	batch.Events = append(batch.Events, store.Event{
		Kind: event, Object: next.Object(), Person: next.User,
		Public: map[string]string{"flow": string(done.Kind()), "method": strings.Join(next.Methods(), " "), "client": next.Client},
	})
	return flow.Contribution{
		Change: flow.Change{Action: "session.start", Object: next.Object(), Batch: batch},
		Result: flow.Result{Session: secret.New(token), Expires: next.Expires},
	}
}

// epochOf re-reads the user: what was proved a moment ago may not hold any more.
func (s *Sessions) epochOf(ctx context.Context, done flow.Completed) (int64, error) {
	u, err := s.Users.View(ctx, done.Tenant(), done.User())
	if errs.Is(err, errs.NotFound) && (done.Kind() == flow.SignUp || done.Kind() == flow.SetUp) {
		return 1, nil // the account is opened in this very batch
	}
	if err != nil {
		return 0, err
	}
	return u.Epoch, u.Standing()
}

// present is the session that the browser has, if it has not ended.
func (s *Sessions) present(ctx context.Context, c access.Caller) (*Session, error) {
	sid := c.Proof().Session
	if sid == "" {
		return nil, nil
	}
	old, err := s.all.In(c.Tenant()).Get(ctx, sid)
	if errs.Is(err, errs.NotFound) || err == nil && !old.Ended.IsZero() {
		return nil, nil
	}
	return old, err
}

// overLimit keeps the number of a user's sessions within the tenant's policy.
func (s *Sessions) overLimit(ctx context.Context, t id.Tenant, userID string, rule tenant.Settings) (store.Batch, error) {
	if rule.SessionLimit == 0 {
		return store.Batch{}, nil
	}
	live, err := s.liveOf(ctx, t, userID)
	if errs.CodeOf(err) == "session_expired" { // a new account has none
		return store.Batch{}, nil
	}
	if err != nil || len(live) < rule.SessionLimit {
		return store.Batch{}, err
	}
	if rule.SessionRefuse {
		return store.Batch{}, errs.New(errs.Conflict, "session_limit", "You are signed in on as many devices as allowed; sign out on one of them.")
	}
	var batch store.Batch
	for _, old := range live[rule.SessionLimit-1:] { // newest first: the oldest go
		batch = batch.And(s.end(ctx, t, old, OverLimit))
	}
	return batch, nil
}

// end is the part of a batch that ends a session. One that was ended from elsewhere is remembered for
// as long as anything given under it could live, offline access too, but not where and by what it was.
func (s *Sessions) end(ctx context.Context, t id.Tenant, doc *Session, why Ending) store.Batch {
	gone := *doc
	gone.Ended, gone.Why, gone.Epoch = s.DB.Now(), why, gone.Epoch+1
	if gone.Revoked() {
		gone.Expires, gone.Address, gone.UserAgent = gone.Ended.Add(tenant.LongestRefresh), "", ""
	}
	return store.Batch{
		Docs: []store.DocOp{
			s.all.In(t).Replace(ctx, &gone),
			s.Revocations.Add(ctx, t, tenant.RevokedSession, gone.ID, gone.Epoch),
		},
		Events: []store.Event{{Kind: "session.ended", Object: gone.Object(), Person: gone.User, Public: map[string]string{"why": string(why)}}},
	}
}

// maxListed bounds how many sessions of a user are looked at; more than a person ever has.
const maxListed = page.MaxLimit

// liveOf lists the sessions of a user that are good now, newest first.
func (s *Sessions) liveOf(ctx context.Context, t id.Tenant, userID string) ([]*Session, error) {
	home, user, err := s.facts(ctx, t, userID)
	if err != nil {
		return nil, err
	}
	p, err := s.all.In(t).Find(ctx, store.Query{
		Index: sessionsByUser, Eq: []store.Value{store.Text(userID)}, Desc: true, Request: page.Request{Limit: maxListed},
	})
	if err != nil {
		return nil, err
	}
	live := p.Items[:0]
	for _, doc := range p.Items {
		if _, err := doc.alive(s.DB.Now(), s.Tenants.Rules(home), home.Epoch, user); err == nil {
			live = append(live, doc)
		}
	}
	return live, nil
}

// Renew is the part of a batch that gives the caller's session a new secret, in the user's new epoch.
// It stays the same session to applications, though what they were given before is dead by the epoch.
func (s *Sessions) Renew(ctx context.Context, c access.Caller, epoch int64) (flow.Contribution, error) {
	if c.Proof().Session == "" {
		return flow.Contribution{}, nil
	}
	old, err := s.present(ctx, c)
	if err == nil && old == nil {
		err = errExpired()
	}
	if err != nil {
		return flow.Contribution{}, err
	}
	next, token := s.rekeyed(old)
	next.UserEpoch = epoch
	return flow.Contribution{
		Change: flow.Change{Batch: store.Batch{Docs: []store.DocOp{s.all.In(c.Tenant()).Replace(ctx, next)}}},
		Result: flow.Result{Session: secret.New(token), Expires: next.Expires},
	}, nil
}

// List lists the sessions of a user that are good now, newest first.
func (s *Sessions) List(ctx context.Context, c access.Caller, userID string) ([]*Session, error) {
	if _, err := s.Guard.Allow(ctx, c, "session.read", object("", userID)); err != nil {
		return nil, err
	}
	live, err := s.liveOf(ctx, c.Tenant(), userID)
	if errs.CodeOf(err) == "session_expired" {
		return nil, errs.Missing("user")
	}
	return live, err
}

// ListAll lists the sessions of the tenant that are good now, newest first. A page is short, or empty and
// not the last, where sessions in between have ended.
func (s *Sessions) ListAll(ctx context.Context, c access.Caller, r page.Request) (page.Page[*Session], error) {
	if _, err := s.Guard.Allow(ctx, c, "session.read", object("", "")); err != nil {
		return page.Page[*Session]{}, err
	}
	p, err := s.all.In(c.Tenant()).Find(ctx, store.Query{Index: sessionsByTime, Desc: true, Request: r})
	if err != nil {
		return page.Page[*Session]{}, err
	}
	live := p.Items[:0]
	for _, doc := range p.Items {
		home, user, err := s.facts(ctx, c.Tenant(), doc.User)
		if err == nil {
			_, err = doc.alive(s.DB.Now(), s.Tenants.Rules(home), home.Epoch, user)
		}
		switch {
		case err == nil:
			live = append(live, doc)
		case errs.CodeOf(err) != "session_expired":
			return page.Page[*Session]{}, err
		}
	}
	p.Items = live
	return p, nil
}

// SignOut ends the session of the cookie that the caller came with.
func (s *Sessions) SignOut(ctx context.Context, c access.Caller) error {
	sid := c.Proof().Session
	if sid == "" {
		return nil
	}
	permit, err := s.Guard.Open(c, "session.end", object(sid, c.UserID()))
	if err != nil {
		return err
	}
	return s.finish(ctx, c.Tenant(), permit, sid, SignedOut)
}

// Revoke ends one session; its owner or an administrator may.
func (s *Sessions) Revoke(ctx context.Context, c access.Caller, sid string) error {
	doc, err := s.all.In(c.Tenant()).Get(ctx, sid)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	owner := ""
	if doc != nil {
		owner = doc.User
	}
	// The guard is asked first, so that somebody who may not know of the session learns nothing.
	permit, allowErr := s.Guard.Allow(ctx, c, "session.revoke", object(sid, owner))
	if allowErr != nil {
		return allowErr
	}
	if err != nil {
		return err
	}
	return s.finish(ctx, c.Tenant(), permit, sid, Revoked)
}

func (s *Sessions) finish(ctx context.Context, t id.Tenant, permit access.Permit, sid string, why Ending) error {
	for try := 0; ; try++ {
		doc, err := s.all.In(t).Get(ctx, sid)
		if err != nil || !doc.Ended.IsZero() && (doc.Revoked() || why != Revoked) {
			return err
		}
		batch := s.end(ctx, t, doc, why)
		batch.Permit = permit
		_, err = s.DB.Commit(ctx, batch)
		if errs.CodeOf(err) != "changed_meanwhile" || try == 10 {
			return err
		}
	}
}

// RevokeAll ends the sessions of a user, except the one the caller came with, and returns how many. What
// applications were given to use offline ends too, also where its session has expired long ago. It may be
// called again after an error.
func (s *Sessions) RevokeAll(ctx context.Context, c access.Caller, userID string) (int, error) {
	permit, err := s.Guard.Allow(ctx, c, "session.revoke", object("", userID))
	if err != nil {
		return 0, err
	}
	live, err := s.liveOf(ctx, c.Tenant(), userID)
	if errs.CodeOf(err) == "session_expired" {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	ended := 0
	for _, doc := range live {
		if doc.ID == c.Proof().Session {
			continue
		}
		if err := s.finish(ctx, c.Tenant(), permit, doc.ID, Revoked); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, s.Offline.EndOffline(ctx, c, userID, c.Proof().Session)
}

// Run writes last activities until ctx ends. What it could not write is lost: a session may then
// end up to a minute early.
func (s *Sessions) Run(ctx context.Context) { s.touched.Run(ctx) }

// Forget deletes what is kept of a deleted account.
func (s *Sessions) Forget(ctx context.Context, t id.Tenant, userID string) error {
	return s.all.In(t).Clear(ctx, s.Guard.Task(t, "user.forget"), store.Query{Index: sessionsByUser, Eq: []store.Value{store.Text(userID)}})
}
