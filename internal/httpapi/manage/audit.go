package manage

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/httpapi/rest"
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
	actor := Thing{e.ActorType, e.ActorID, e.ActorHome}
	if actor.Type == "" {
		actor.Type = "anonymous"
	}
	return Event{
		ID: e.ID, Seq: e.Seq, Kind: e.Kind, At: e.At, Actor: actor,
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

// Checkpoint names a checkpoint that was kept elsewhere, to compare with.
type Checkpoint struct {
	Pinned string `json:"pinned,omitzero" max:"4096" format:"text"`
}

// Verification is what a look at the whole log has found.
type Verification struct {
	OK            bool      `json:"ok"`
	Problem       string    `json:"problem,omitzero" doc:"what is wrong, in a sentence"`
	BadSeq        int64     `json:"bad_seq,omitzero" doc:"number of the first event that is wrong"`
	Sealed        int64     `json:"sealed" doc:"events that were checked"`
	Unsealed      int       `json:"unsealed" doc:"events that are too new to be sealed; at most 1,000 are counted"`
	UnsealedSince time.Time `json:"unsealed_since,omitzero" doc:"when the oldest of them happened"`
	Checkpoint    string    `json:"checkpoint" doc:"the newest, to be kept elsewhere"`
	Checkpoints   int       `json:"checkpoints,omitzero" doc:"older ones that were compared with"`
	Pinned        int64     `json:"pinned,omitzero" doc:"size of the checkpoint that was handed in"`
	Erased        int       `json:"erased,omitzero" doc:"events whose personal part was forgotten"`
}

type listEvents struct {
	within
	paging
	Kind   string    `query:"kind" max:"64" doc:"only one of kind, actor, object and person may be given"`
	Actor  string    `query:"actor" max:"200" doc:"id of who did it"`
	Object string    `query:"object" max:"200" doc:"id of what it was done to"`
	Person string    `query:"person" max:"200" doc:"id of whom its personal part is about"`
	From   time.Time `query:"from"`
	Until  time.Time `query:"until"`
	Order  string    `query:"order" enum:"newest,oldest"`
}

type listCounts struct {
	within
	paging
	From  time.Time `query:"from,required"`
	Until time.Time `query:"until,required"`
}

type verifyLog struct {
	within
	Body Checkpoint `body:"json"`
}

const groupAudit = "Audit log"

func (a *API) auditLog() []rest.Operation {
	const group = groupAudit
	verify := administers("POST /api/audit/verify", "audit.verify", "audit.verify", group, "Prove that the sealed log was not changed")
	verify.Timeout = verifyWithin
	return []rest.Operation{
		endpoint(a, administers("GET /api/audit/events", "audit.list", "audit.read", group, "List events, newest first"),
			func(ctx context.Context, c access.Caller, in listEvents) (page.Page[Event], error) {
				p, err := a.Audit.List(ctx, c, audit.Filter{
					Kind: in.Kind, Actor: in.Actor, Object: in.Object, Person: in.Person, From: in.From, Until: in.Until, Oldest: in.Order == "oldest",
				}, in.request())
				return turned(p, err, showEvent)
			}),
		a.tail(),
		endpoint(a, verify, func(ctx context.Context, c access.Caller, in verifyLog) (Verification, error) {
			r, err := a.Audit.Verify(ctx, c, in.Body.Pinned)
			return Verification{
				OK: r.OK && err == nil, Problem: r.Problem, BadSeq: r.BadSeq, Sealed: r.Sealed, Unsealed: r.Unsealed, UnsealedSince: r.UnsealedSince,
				Checkpoint: r.Checkpoint, Checkpoints: r.Checkpoints, Pinned: r.Pinned, Erased: r.Erased,
			}, err
		}),
		endpoint(a, administers("POST /api/users/{user}/erase-audit", "audit.erase", "audit.erase", group, "Erase the personal part of all events about a person"),
			func(ctx context.Context, c access.Caller, in ofUser) (Erased, error) {
				n, err := a.Audit.Erase(ctx, c, in.User)
				return Erased{n}, err
			}),
		endpoint(a, administers("GET /api/reports/counters", "report.counters", "audit.read", group, "List how often things happened, by the hour"),
			func(ctx context.Context, c access.Caller, in listCounts) (page.Page[Count], error) {
				p, err := a.Audit.Counters(ctx, c, in.From, in.Until, in.request())
				return turned(p, err, showCount)
			}),
	}
}

// verifyWithin is how long a verification may take over HTTP: some five million events.
const verifyWithin = 55 * time.Second
