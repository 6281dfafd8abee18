package decision

import (
	"context"
	"net/http"
	"strconv"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// The paths of the searches (AuthZEN 1.0, section 8).
const (
	PathSearchSubject  = "/access/v1/search/subject"
	PathSearchResource = "/access/v1/search/resource"
	PathSearchAction   = "/access/v1/search/action"
)

// Searcher lists what would be allowed when one part of a question is left open.
type Searcher interface {
	SearchSubjects(context.Context, access.Caller, authz.Request, page.Request) (authz.Found, error)
	SearchActions(context.Context, access.Caller, authz.Request, page.Request) (authz.Found, error)
	SearchResources(context.Context, access.Caller, authz.Request, page.Request) (authz.Found, error)
}

// Search is a question with one part left open: the id of the subject or the resource, or the action.
type Search struct {
	Evaluation
	Page Paging `json:"page,omitzero"`
}

// Paging asks for a page (section 8.2).
type Paging struct {
	Token string `json:"token,omitzero"`
	Limit int    `json:"limit,omitzero"`
}

// Found is a page of a search. NextToken is empty on the last one.
type Found struct {
	Page struct {
		NextToken string `json:"next_token"`
		Count     int    `json:"count"`
	} `json:"page"`
	Context *FoundContext `json:"context,omitempty"`
	Results any           `json:"results"`
}

// FoundContext says what a list cannot.
type FoundContext struct {
	// Everywhere is true when the action is allowed in the whole tenant: on every resource, and not only on
	// those that are listed.
	Everywhere bool `json:"everywhere"`
	// Everyone is true when every subject of the type may, and not only those that are listed.
	Everyone bool `json:"everyone,omitempty"`
}

// maxSearchPage is the greatest page. Greater ones are refused rather than cut.
const maxSearchPage = page.MaxLimit

func (d *Door) searchSubject(x *edge.Exchange, c access.Caller) error {
	return search(x, func(r authz.Request, p page.Request) (Found, error) {
		found, err := d.Searcher.SearchSubjects(x.R.Context(), c, r, p)
		f := listed(found, func(id string) any { return Entity{Type: r.Subject.Type, ID: id} })
		if found.Everyone {
			f.Context = &FoundContext{Everyone: true}
		}
		return f, err
	})
}

func (d *Door) searchAction(x *edge.Exchange, c access.Caller) error {
	return search(x, func(r authz.Request, p page.Request) (Found, error) {
		found, err := d.Searcher.SearchActions(x.R.Context(), c, r, p)
		return listed(found, func(name string) any { return Action{Name: name} }), err
	})
}

func (d *Door) searchResource(x *edge.Exchange, c access.Caller) error {
	return search(x, func(r authz.Request, p page.Request) (Found, error) {
		found, err := d.Searcher.SearchResources(x.R.Context(), c, r, p)
		f := listed(found, func(id string) any { return Entity{Type: r.Resource.Type, ID: id} })
		f.Context = &FoundContext{Everywhere: found.Everywhere}
		return f, err
	})
}

// search reads the question, has it answered and writes the page. The part that is left open may be
// missing or empty; what a client says there is ignored, as the specification has it.
func search(x *edge.Exchange, find func(authz.Request, page.Request) (Found, error)) error {
	body, err := x.Body()
	if err != nil {
		return err
	}
	var q Search
	if err := strict.UnmarshalOpen(body, &q); err != nil {
		return err
	}
	if q.Page.Limit < 0 || q.Page.Limit > maxSearchPage {
		return errs.Bad("/page/limit", "must be from 1 to %s", strconv.Itoa(maxSearchPage))
	}
	r, err := q.or(Evaluation{Subject: &Entity{}, Action: &Action{}, Resource: &Entity{}}).request()
	if err != nil {
		return err
	}
	found, err := find(r, page.Request{Limit: q.Page.Limit, Cursor: q.Page.Token})
	if err != nil {
		return err
	}
	return x.JSON(http.StatusOK, found)
}

func listed(p authz.Found, as func(string) any) Found {
	results := make([]any, len(p.Items))
	for i, item := range p.Items {
		results[i] = as(item)
	}
	f := Found{Results: results}
	f.Page.NextToken, f.Page.Count = p.Next, len(results)
	return f
}
