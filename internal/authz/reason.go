package authz

import (
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/store"
)

// Reason is why a decision is what it is.
type Reason struct {
	Kind       string            `json:"kind"` // role | policy | relation | point | barred | forbidden | failed | not_granted | condition
	Text       string            `json:"text"` // one sentence
	Role       string            `json:"role,omitempty"`
	Permission string            `json:"permission,omitempty"`
	Org        string            `json:"org,omitempty"`
	Path       []string          `json:"path,omitempty"`    // tuples that prove it, if explained
	Engine     string            `json:"engine,omitempty"`  // of a plan: roles, policies:NAME, store:ID or point:NAME
	Version    int               `json:"version,omitempty"` // of the policies
	Policy     string            `json:"policy,omitempty"`  // its id
	Line       int               `json:"line,omitempty"`    // on which the policy begins
	Values     map[string]string `json:"values,omitempty"`  // what the conditions of the policy read, if explained
}

// The kinds of Reason.
const (
	kindRole       = "role"
	kindPolicy     = "policy"
	kindRelation   = "relation"
	kindPoint      = "point"
	kindBarred     = "barred"
	kindForbidden  = "forbidden"   // a policy forbids it
	KindFailed     = "failed"      // an engine could not answer, which denies
	kindNotGranted = "not_granted" // nothing permits it
	kindCondition  = "condition"   // a policy would permit it if its conditions held
)

// byRole explains an allow. The path runs from the permission to the subject; the role that was
// assigned is the last one on it. In an organisation granting is the role that has the permission.
func byRole(q question, path []graph.Tuple, granting string) Reason {
	r := Reason{Kind: kindRole, Permission: q.permission, Role: granting}
	for _, t := range path {
		switch at, role, ok := placed(store.ObjectRef(t.Object)); {
		case ok && at == place{}:
			r.Role = role
		case ok:
			r.Org = at.org
		}
		if q.explain {
			r.Path = append(r.Path, t.String())
		}
	}
	where := ""
	if r.Org != "" {
		where = " in org " + r.Org
	}
	r.Text = q.subject.Type + ":" + q.subject.ID + " has role " + r.Role + where + through(path) + ", which permits " + q.permission + "."
	return r
}

// through names the groups on the way from the role to the subject.
func through(path []graph.Tuple) string {
	var groups []string
	for _, t := range path {
		if t.Object.Type == typeGroup {
			groups = append(groups, t.Object.ID)
		}
	}
	if len(groups) == 0 {
		return ""
	}
	return " through group " + strings.Join(groups, ", ")
}

// notGranted explains a deny.
func notGranted(r Request) Reason {
	where := ""
	if org := r.Resource.org(); org != "" {
		where = ", in the tenant or in org " + org
	}
	return Reason{
		Kind: kindNotGranted, Permission: r.Action.Name,
		Text: fmt.Sprintf("%s:%s has no role that permits %s%s.", r.Subject.Type, r.Subject.ID, r.Action.Name, where),
	}
}
