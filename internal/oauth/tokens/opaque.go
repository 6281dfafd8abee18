package tokens

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/store"
)

// stored is an opaque access token. Its id is the SHA-256 of the token. It says what a JWT would say.
type stored struct {
	store.Meta
	JTI      string         `json:"jti"`
	Client   oauth.ClientID `json:"client"`
	User     string         `json:"user,omitzero"`
	Session  string         `json:"session,omitzero"`
	Org      string         `json:"org,omitzero"`
	Scopes   oauth.Scopes   `json:"scopes,omitzero"`
	Audience []string       `json:"audience"`
	Epochs   oauth.Epochs   `json:"epochs"`
	Issued   time.Time      `json:"iat"`
	Ends     time.Time      `json:"exp"`
	AuthTime time.Time      `json:"auth_time,omitzero"`
	ACR      string         `json:"acr,omitzero"`
}

// Opaque keeps opaque access tokens.
type Opaque struct{ all *store.Collection[stored] }

// NewOpaque declares opaque access tokens to db.
func NewOpaque(db *store.DB) *Opaque {
	return &Opaque{all: store.NewCollection(db, store.Kind[stored]{
		Name: "access_token", Noun: "token",
		Meta: func(s *stored) *store.Meta { return &s.Meta },
	})}
}

// make returns a new token that stands for a, and the operation that keeps it.
func (o *Opaque) make(ctx context.Context, t id.Tenant, a *Access) (string, store.DocOp) {
	text := opaque.New(opaque.AccessToken)
	doc := &stored{
		Meta: store.Meta{ID: opaque.Hash(text), Expires: a.Expires},
		JTI:  a.JTI, Client: a.Client, User: a.User, Session: a.Session, Org: a.Org, Scopes: a.Scopes,
		Audience: a.Audience, Epochs: a.Epochs, Issued: a.Issued, Ends: a.Expires, AuthTime: a.AuthTime, ACR: a.ACR,
	}
	return text, o.all.In(t).Insert(ctx, doc)
}

// find reads what a token stands for, through the cache.
func (o *Opaque) find(ctx context.Context, t id.Tenant, text string) (*Access, error) {
	if !opaque.Valid(opaque.AccessToken, text) {
		return nil, errInvalid()
	}
	s, err := o.all.In(t).View(ctx, opaque.Hash(text))
	if errs.Is(err, errs.NotFound) {
		return nil, errInvalid()
	}
	if err != nil {
		return nil, err
	}
	return &Access{
		Form: oauth.Opaque, JTI: s.JTI, Client: s.Client, User: s.User, Session: s.Session, Org: s.Org, Scopes: s.Scopes,
		Audience: s.Audience, Epochs: s.Epochs, Issued: s.Issued, Expires: s.Ends, AuthTime: s.AuthTime, ACR: s.ACR,
	}, nil
}
