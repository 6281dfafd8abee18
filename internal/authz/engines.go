package authz

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/authz/policy"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

// The names of engines in plans and answers; those of policies and stores go on with a name or an id.
const (
	engineRoles    = "roles"
	enginePolicies = "policies:"
	engineStore    = "store:"
	enginePoint    = "point:"
)

// Policies are the policy sets of tenants. They are given by wiring.
type Policies interface {
	// Judge asks a set, and says which version has answered.
	Judge(ctx context.Context, t id.Tenant, u policy.Use, q policy.Question, explain bool) (policy.Verdict, int, error)
	// Active fails if no version of the set is active.
	Active(ctx context.Context, t id.Tenant, set string) error
	// OnlyForbids reports whether the set can permit nothing.
	OnlyForbids(ctx context.Context, t id.Tenant, set string) (bool, error)
}

// Attributes tell what is known of a user or service; false if there is none. They are given by wiring;
// identity knows.
type Attributes interface {
	Attributes(ctx context.Context, t id.Tenant, subjectType, subjectID string) (map[string]any, bool, error)
}

// Points are decision points outside of Cardea. They are given by wiring.
type Points interface {
	// Ask puts all questions at once. Either each has an answer, or there is an error.
	Ask(ctx context.Context, t id.Tenant, name string, askedBy []string, qs []point.Question) ([]point.Answer, error)
	// Known fails if there is no such point.
	Known(ctx context.Context, t id.Tenant, name string) error
}

// StoreAt says where a store is asked.
type StoreAt struct {
	Tenant  id.Tenant
	Store   string
	Model   string         // empty: the version that is used
	AtLeast uint64         // a revision that the answer must know of
	Past    uint64         // the revision to be looked at, if not 0
	Time    time.Time      // at which tuples are looked at; zero: now
	Suppose []graph.Change // as if this were written

	PastOwn    uint64         // the revision of the tenant's own tuples to be looked at, if the store uses those
	SupposeOwn []graph.Change // and this among the tenant's own tuples, which the store may use
}

// StoreAnswer is an answer of a store, and what it rests on.
type StoreAnswer struct {
	Allowed  bool
	Sentence string        // why, and on a deny what would change it; if explained
	Path     []graph.Tuple // tuples that prove it; if explained
	Model    string
	Revision uint64
	Own      uint64 // revision of the tenant's own tuples, if the store uses those
	// Assumed counts tuples that were taken to be absent in the past, because the log does not reach back
	// to before they were written; of a decision, decision points too that were asked today.
	Assumed int
}

// Stores answer from the relation tuples of applications. They are given by wiring.
type Stores interface {
	// Check answers, and with q.Explain says why.
	Check(ctx context.Context, at StoreAt, q graph.Query) (StoreAnswer, error)
	Objects(ctx context.Context, at StoreAt, q graph.ObjectsQuery) (graph.List, error)
	Subjects(ctx context.Context, at StoreAt, q graph.SubjectsQuery) (graph.List, error)
	Relations(ctx context.Context, at StoreAt, q graph.RelationsQuery) (graph.Held, error)
	// RelationsOf lists the relations that the model has for a type.
	RelationsOf(ctx context.Context, at StoreAt, objectType string) ([]string, error)
}
