package identity

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/flow"
	"github.com/cardea-auth/cardea/internal/identity/email"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/store"
)

// link is a mailed link. Its id is the hash of the token, which only the mailbox has. It is good for
// one purpose, one account and one address; it is used once, a newer one for the same purpose ends
// it, and it is kept as spent until it expires, so that a replay is told from a guess.
type link struct {
	store.Meta
	Purpose  flow.Kind     `json:"purpose"`
	User     string        `json:"user,omitzero"`
	Epoch    int64         `json:"epoch,omitzero"` // of the user; a newer password ends older links
	Email    string        `json:"email"`          // the address it was mailed to
	EmailKey email.Key     `json:"email_key"`
	Name     string        `json:"name,omitzero"`     // of the account to open
	Password password.Hash `json:"password,omitzero"` // of the account to open
	Created  time.Time     `json:"created"`
	Spent    time.Time     `json:"spent,omitzero"`
}

// lifeOf is how long a link of a purpose is good.
func lifeOf(purpose flow.Kind) time.Duration {
	switch purpose {
	case flow.SignUp, flow.VerifyEmail:
		return 24 * time.Hour
	case flow.Recover:
		return 30 * time.Minute
	}
	return 15 * time.Minute
}

const linksByTarget = "by_target" // (purpose, email): to end older links

func linkKind() store.Kind[link] {
	return store.Kind[link]{
		Name: "link", Noun: "link",
		Meta: func(l *link) *store.Meta { return &l.Meta },
		Columns: []store.ColumnOf[link]{
			{Name: "purpose", Kind: store.TextKind, Of: func(l *link) store.Value { return store.Text(l.Purpose) }},
			{Name: "email", Kind: store.TextKind, Of: func(l *link) store.Value { return store.Text(l.EmailKey) }},
		},
		Indexes: []store.Index{{Name: linksByTarget, Columns: []string{"purpose", "email"}}},
	}
}

// errLink is the one answer to a link that is forged, spent, too old or for something else.
func errLink() error {
	return errs.New(errs.NotFound, "link_expired", "This link was used already or is too old; ask for a new one.")
}

// issueLink completes l with a new token and returns the operations that store it and end older links
// for the same purpose and address. The token is for the mail only.
func (s *Accounts) issueLink(ctx context.Context, t id.Tenant, l *link) (token string, ops []store.DocOp, err error) {
	now := s.db.Now()
	token = opaque.New(opaque.Link)
	l.ID, l.Created, l.Expires = opaque.Hash(token), now, now.Add(lifeOf(l.Purpose))
	older, err := s.links.In(t).Find(ctx, store.Query{
		Index: linksByTarget, Eq: []store.Value{store.Text(l.Purpose), store.Text(l.EmailKey)},
	})
	if err != nil {
		return "", nil, err
	}
	for _, o := range older.Items {
		if o.Spent.IsZero() {
			o.Spent = now
			ops = append(ops, s.links.In(t).Replace(ctx, o))
		}
	}
	return token, append(ops, s.links.In(t).Insert(ctx, l)), nil
}

// findLink reads the live link behind a token.
func (s *Accounts) findLink(ctx context.Context, t id.Tenant, token string, purpose flow.Kind) (*link, error) {
	if !opaque.Valid(opaque.Link, token) {
		return nil, errLink()
	}
	return s.linkByID(ctx, t, opaque.Hash(token), purpose)
}

func (s *Accounts) linkByID(ctx context.Context, t id.Tenant, linkID string, purpose flow.Kind) (*link, error) {
	l, err := s.links.In(t).Get(ctx, linkID)
	if errs.Is(err, errs.NotFound) {
		return nil, errLink()
	}
	if err != nil {
		return nil, err
	}
	if l.Purpose != purpose || !l.Spent.IsZero() {
		return nil, errLink()
	}
	return l, nil
}

// spend is the operation that uses up l.
func (s *Accounts) spend(ctx context.Context, t id.Tenant, l *link) store.DocOp {
	l.Spent = s.db.Now()
	return s.links.In(t).Replace(ctx, l)
}

// mail is a message with a link in it.
func (s *Accounts) mail(t id.Tenant, template string, l *link, token string) store.Message {
	return store.Message{
		Channel: "mail", To: l.Email, Template: template, Expires: l.Expires,
		Data: map[string]string{"link": s.linkTo(t, l.Purpose, token), "name": l.Name},
	}
}

// notice is a message without a link that acts.
func notice(template string, u *User, data map[string]string) store.Message {
	if data == nil {
		data = map[string]string{}
	}
	data["name"] = u.Name
	return store.Message{Channel: "mail", To: u.Email, Template: template, Data: data}
}
