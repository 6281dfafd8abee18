package identity

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// deviceLife is how long a device stays known after its owner last signed in on it.
const deviceLife = 90 * 24 * time.Hour

// device is a browser on which a user has signed in before. Its failures are counted apart, so that
// somebody who guesses from elsewhere cannot lock the owner out. Its id is the hash of a token in
// the browser; it dies with the password and the epoch of its user.
type device struct {
	store.Meta
	User  string    `json:"user"`
	Epoch int64     `json:"epoch"`
	Since time.Time `json:"since"`
}

const devicesByUser = "by_user"

func deviceKind() store.Kind[device] {
	return store.Kind[device]{
		Name: "device", Noun: "device",
		Meta: func(d *device) *store.Meta { return &d.Meta },
		Columns: []store.ColumnOf[device]{
			{Name: "user", Kind: store.TextKind, Of: func(d *device) store.Value { return store.Text(d.User) }},
		},
		Indexes: []store.Index{{Name: devicesByUser, Columns: []string{"user"}}},
	}
}

// Device is a browser that is known as one of a user's.
type Device struct{ Since, Until time.Time }

// Devices lists the known devices of an account; for its owner.
func (s *Accounts) Devices(ctx context.Context, c access.Caller, userID string, r page.Request) (page.Page[Device], error) {
	u, err := s.Get(ctx, c, userID)
	if err != nil {
		return page.Page[Device]{}, err
	}
	p, err := s.devices.In(c.Tenant()).Find(ctx, store.Query{Index: devicesByUser, Eq: []store.Value{store.Text(userID)}, Request: r})
	out := page.Page[Device]{Items: []Device{}, Next: p.Next}
	for _, d := range p.Items {
		if d.Epoch == u.Epoch {
			out.Items = append(out.Items, Device{Since: d.Since, Until: d.Expires})
		}
	}
	return out, err
}

// knows reports whether token names a device of u.
func (s *Accounts) knows(ctx context.Context, t id.Tenant, u *User, token string) (deviceID string, err error) {
	if u == nil || !opaque.Valid(opaque.Device, token) {
		return "", nil
	}
	d, err := s.devices.In(t).Get(ctx, opaque.Hash(token))
	if errs.Is(err, errs.NotFound) {
		return "", nil
	}
	if err != nil || d.User != u.ID || d.Epoch != u.Epoch {
		return "", err
	}
	return d.ID, nil
}

// RememberDevice is the finisher that makes the browser of a completed sign-in a known device.
func (s *Accounts) RememberDevice(ctx context.Context, _ access.Caller, done flow.Completed) (flow.Contribution, error) {
	if done.Memo(memoDevice) != "" {
		return flow.Contribution{}, nil
	}
	t := done.Tenant()
	u, err := s.users.In(t).Get(ctx, done.User())
	if errs.Is(err, errs.NotFound) {
		return flow.Contribution{}, nil // the account is opened in this very batch
	}
	if err != nil {
		return flow.Contribution{}, err
	}
	token, now := opaque.New(opaque.Device), s.db.Now()
	d := &device{
		Meta: store.Meta{ID: opaque.Hash(token), Expires: now.Add(deviceLife)},
		User: u.ID, Epoch: u.Epoch, Since: now,
	}
	return flow.Contribution{
		Change: flow.Change{Batch: store.Batch{Docs: []store.DocOp{s.devices.In(t).Insert(ctx, d)}}},
		Result: flow.Result{Device: secret.New(token)},
	}, nil
}
