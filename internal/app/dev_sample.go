package app

import (
	"net/http"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/strict"
	"github.com/cardea-auth/cardea/internal/store"
)

// sample is a protected API for trying out: invoices that live in memory, and a role that everybody may give
// to themselves. It exists with --dev only, on loopback. It does what any API behind Cardea does: it takes a
// token, asks for a decision, and says why it refuses.
type sample struct {
	*App
	mu       sync.Mutex
	invoices []invoice
}

type invoice struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Amount   string `json:"amount"`
}

// sampleRoles are the roles of the demo data that somebody may choose; "" is none of them.
func sampleRoles() []string { return []string{"viewer", "editor"} }

func (a *App) sampleRoutes() []edge.Route {
	s := &sample{App: a, invoices: newInvoices()}
	token := edge.Bearer("a token says who asks, and a decision whether it may")
	return []edge.Route{
		{Method: "GET", Path: "/dev/api/invoices", Name: "dev.list_invoices", Access: token, Handle: s.list},
		{Method: "DELETE", Path: "/dev/api/invoices/{invoice}", Name: "dev.delete_invoice", Access: token, Handle: s.remove},
		{Method: "PUT", Path: "/dev/api/role", Name: "dev.choose_role", Access: token, Handle: s.choose},
	}
}

func newInvoices() []invoice {
	return []invoice{{"41", "Hinge & Sons", "1,200.00"}, {"42", "Portico Ltd", "86.50"}, {"43", "Lintel GmbH", "310.00"}}
}

// may asks for a decision and turns a deny into the refusal that an API answers.
func (s *sample) may(x *edge.Exchange, c access.Caller, permission, id string) (authz.Reason, error) {
	d, err := s.Decisions.Decide(x.R.Context(), authz.Request{
		Tenant: c.Tenant(), Subject: authz.Subject{Type: c.Subject().Type, ID: c.Subject().ID}, Action: authz.Action{Name: permission},
		Resource: authz.Resource{Type: "invoice", ID: id},
	})
	if err != nil {
		return authz.Reason{}, err
	}
	if !d.Allow {
		refusal := errs.New(errs.Denied, "permission_missing", "%s", d.Reasons[0].Text)
		refusal.Missing = permission
		return d.Reasons[0], refusal
	}
	return d.Reasons[0], nil
}

func (s *sample) list(x *edge.Exchange, c access.Caller) error {
	why, err := s.may(x, c, "invoice:read", "any")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return x.JSON(http.StatusOK, map[string]any{"items": s.invoices, "reason": why})
}

// remove deletes an invoice; when the last is gone all come back, so that there is always one to try with.
func (s *sample) remove(x *edge.Exchange, c access.Caller) error {
	id := x.R.PathValue("invoice")
	why, err := s.may(x, c, "invoice:delete", id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.invoices, func(v invoice) bool { return v.ID == id })
	if i < 0 {
		return errs.Missing("invoice")
	}
	if s.invoices = slices.Delete(s.invoices, i, i+1); len(s.invoices) == 0 {
		s.invoices = newInvoices()
	}
	return x.JSON(http.StatusOK, map[string]any{"deleted": id, "reason": why})
}

// choose gives the caller one of the demo roles, or none. It acts as the operator: nobody could give
// themselves a role otherwise.
func (s *sample) choose(x *edge.Exchange, c access.Caller) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	var in struct {
		Role string `json:"role"`
	}
	if err := strict.Unmarshal(body, &in); err != nil {
		return err
	}
	if in.Role != "" && !slices.Contains(sampleRoles(), in.Role) {
		return errs.Bad("/role", "must be viewer, editor or empty").Breaks(errs.OneOf, nil)
	}
	operator := access.Operator(c.Tenant(), "dev", "sample page")
	who := store.SubjectRef{Type: c.Subject().Type, ID: c.Subject().ID}
	for _, role := range sampleRoles() {
		change := s.Decisions.Unassign
		if role == in.Role {
			change = s.Decisions.Assign
		}
		if _, err := change(x.R.Context(), operator, authz.Assignment{Role: role, Subject: who}); err != nil {
			return err
		}
	}
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return x.Bytes(http.StatusOK, "application/json", b)
}
