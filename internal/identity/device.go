package identity

import (
	"context"
	"time"

	"github.com/mileusna/useragent"

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

// DeviceWords is a User-Agent in words, e.g. "Firefox on Linux"; "" if it does not say.
func DeviceWords(userAgent string) string {
	ua := useragent.Parse(userAgent)
	switch {
	case ua.Name == "" || userAgent == "":
		return ""
	case ua.OS == "":
		return ua.Name
	}
	return ua.Name + " on " + ua.OS
}

// RememberDevice is the finisher that makes the browser of a completed sign-in a known device. If it was
// not one before, the account's owner is told, except of the browser in which the account was opened.
func (s *Accounts) RememberDevice(ctx context.Context, c access.Caller, done flow.Completed) (flow.Contribution, error) {
	if done.Memo(memoDevice) != "" {
		return flow.Contribution{}, nil
	}
	t := done.Tenant()
	u, err := s.users.In(t).Get(ctx, done.User())
	opened := errs.Is(err, errs.NotFound) // in this very batch
	if opened {
		u, err = &User{Meta: store.Meta{ID: done.User()}, Epoch: 1}, nil
	}
	if err != nil {
		return flow.Contribution{}, err
	}
	var batch store.Batch
	if !opened {
		batch.Outbox = []store.Message{newDevice(u, c.Origin())}
	}
	token, now := opaque.New(opaque.Device), s.db.Now()
	d := &device{
		Meta: store.Meta{ID: opaque.Hash(token), Expires: now.Add(deviceLife)},
		User: u.ID, Epoch: u.Epoch, Since: now,
	}
	batch.Docs = []store.DocOp{s.devices.In(t).Insert(ctx, d)}
	return flow.Contribution{Change: flow.Change{Batch: batch}, Result: flow.Result{Device: secret.New(token)}}, nil
}

// newDevice tells the owner of an account from where it was used.
func newDevice(u *User, from access.Origin) store.Message {
	data := map[string]string{}
	if words := DeviceWords(from.UserAgent); words != "" {
		data["device"] = words
	}
	if from.Address.IsValid() {
		data["address"] = from.Address.String()
	}
	return notice("new_device", u, data)
}
