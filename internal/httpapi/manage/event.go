package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/page"
)

// Event is something that has happened.
type Event struct {
	ID       string            `json:"id"`
	Seq      int64             `json:"seq,omitzero" doc:"number in the tenant's log; left out until sealed"`
	Kind     string            `json:"kind" doc:"noun.verb in the past, such as user.disabled"`
	At       time.Time         `json:"at"`
	Actor    Thing             `json:"actor"`
	Object   Thing             `json:"object,omitzero"`
	Org      string            `json:"org,omitzero"`
	Client   string            `json:"client,omitzero"`
	Session  string            `json:"session,omitzero"`
	Request  string            `json:"request_id,omitzero"`
	Action   string            `json:"action,omitzero"`
	Reason   string            `json:"reason,omitzero" doc:"why it was allowed"`
	Because  string            `json:"because,omitzero" doc:"why the actor says it was done"`
	Public   map[string]string `json:"public,omitzero"`
	Person   string            `json:"person,omitzero" doc:"whom the personal part is about"`
	Personal map[string]string `json:"personal,omitzero" doc:"can be erased without breaking the seal"`
}

// Thing is who or what an event names.
type Thing struct {
	Type string `json:"type"`
	ID   string `json:"id,omitzero"`
	Home string `json:"home,omitzero" doc:"the tenant that knows it, if it is another one"`
}

func showEvent(e *audit.Event) Event {
	return Event{
		ID: e.ID, Seq: e.Seq, Kind: e.Kind, At: e.At, Actor: Thing{e.ActorType, e.ActorID, e.ActorHome},
		Object: Thing{Type: e.ObjectType, ID: e.ObjectID}, Org: e.Org, Client: e.Client, Session: e.Session, Request: e.Request,
		Action: e.Action, Reason: e.Reason, Because: e.Because, Public: e.Public, Person: e.Person, Personal: e.Personal,
	}
}

// Count is how often something has happened in an hour.
type Count struct {
	Name  string    `json:"name"`
	Hour  time.Time `json:"hour"`
	Count int64     `json:"count"`
}

func showCount(n *audit.Counter) Count { return Count{n.Name, n.Hour, n.Count} }

// Erased says in how many events a personal part was erased.
type Erased struct {
	Count int `json:"erased"`
}

// Verification names a checkpoint that was kept elsewhere, to compare with.
type Verification struct {
	Pinned string `json:"pinned,omitzero" max:"4096" format:"text"`
}

type span struct {
	From  time.Time `query:"from"`
	Until time.Time `query:"until"`
}

type listEvents struct {
	paging
	span
	Kind   string `query:"kind" max:"64"`
	Actor  string `query:"actor" max:"200" doc:"id of who did it"`
	Object string `query:"object" max:"200" doc:"id of what it was done to"`
	Person string `query:"person" max:"200" doc:"id of whom its personal part is about"`
	Order  string `query:"order" enum:"newest,oldest"`
}

func (a *API) events() []rest.Operation {
	const group = "Audit log"
	return []rest.Operation{
		rest.Handle(administers("GET /api/events", "event.list", "audit.read", group, "List events, newest first"),
			func(ctx context.Context, c access.Caller, in listEvents) (page.Page[Event], error) {
				p, err := a.Audit.List(ctx, c, audit.Filter{
					Kind: in.Kind, Actor: in.Actor, Object: in.Object, Person: in.Person, From: in.From, Until: in.Until, Oldest: in.Order == "oldest",
				}, in.request())
				return turned(p, err, showEvent)
			}),
		rest.Handle(administers("GET /api/events/counts", "event.count", "audit.read", group, "List hourly counts"),
			func(ctx context.Context, c access.Caller, in struct {
				paging
				From  time.Time `query:"from,required"`
				Until time.Time `query:"until,required"`
			}) (page.Page[Count], error) {
				p, err := a.Audit.Counters(ctx, c, in.From, in.Until, in.request())
				return turned(p, err, showCount)
			}),
		rest.Handle(administers("POST /api/events/verify", "event.verify", "audit.verify", group, "Prove that the sealed log was not changed"),
			func(ctx context.Context, c access.Caller, in struct {
				Body Verification `body:"json"`
			}) (audit.Report, error) {
				return a.Audit.Verify(ctx, c, in.Body.Pinned)
			}),
		rest.Handle(administers("POST /api/users/{user}/erase-events", "event.erase", "audit.erase", group, "Erase the personal part of all events about a person"),
			func(ctx context.Context, c access.Caller, in userPath) (Erased, error) {
				n, err := a.Audit.Erase(ctx, c, in.User)
				return Erased{n}, err
			}),
	}
}

// SigningKey is a key with which the tenant signs. Its private half never leaves the server.
type SigningKey struct {
	ID        string    `json:"kid"`
	Purpose   string    `json:"purpose" enum:"token,logout,context,checkpoint"`
	Alg       string    `json:"alg"`
	State     string    `json:"state"`
	Created   time.Time `json:"created"`
	Ready     time.Time `json:"ready" doc:"when it may sign, after caches have heard of it"`
	Activated time.Time `json:"activated,omitzero"`
	Retired   time.Time `json:"retired,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"`
	Until     time.Time `json:"until,omitzero" doc:"when it is forgotten"`
}

func showSigningKey(k keyring.Key) SigningKey {
	return SigningKey{
		ID: k.ID, Purpose: string(k.Purpose), Alg: string(k.Alg), State: string(k.State), Created: k.Created, Ready: k.Ready,
		Activated: k.Activated, Retired: k.Retired, Revoked: k.Revoked, Until: k.Until,
	}
}

// NewSigningKey says which key is to be followed by a new one.
type NewSigningKey struct {
	Purpose string `json:"purpose" enum:"token,logout,context,checkpoint"`
	Alg     string `json:"alg" enum:"ES256,EdDSA,RS256,PS256"`
}

func (a *API) signingKeys() []rest.Operation {
	const group = "Signing keys"
	return []rest.Operation{
		rest.Handle(administers("GET /api/signing-keys", "key.list", "key.read", group, "List signing keys"),
			func(ctx context.Context, c access.Caller, _ rest.None) (many[SigningKey], error) {
				all, err := a.Keys.List(ctx, c)
				return collect(all, showSigningKey), err
			}),
		rest.Handle(status(administers("POST /api/signing-keys", "key.rotate", "key.rotate", group, "Publish a new key that will follow the present one"), http.StatusCreated),
			func(ctx context.Context, c access.Caller, in struct {
				Body NewSigningKey `body:"json"`
			}) (SigningKey, error) {
				k, err := a.Keys.Rotate(ctx, c, keyring.Purpose(in.Body.Purpose), keyring.Alg(in.Body.Alg))
				return showSigningKey(k), err
			}),
		rest.Handle(administers("POST /api/signing-keys/{key}/revoke", "key.revoke", "key.revoke", group, "End a key at once; what it has signed is refused"),
			func(ctx context.Context, c access.Caller, in keyPath) (SigningKey, error) {
				k, err := a.Keys.Revoke(ctx, c, in.Key)
				return showSigningKey(k), err
			}),
	}
}
