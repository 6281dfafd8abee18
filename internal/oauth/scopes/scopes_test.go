package scopes_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/oauth"
	"github.com/cardea-auth/cardea/internal/oauth/oauthtest"
	"github.com/cardea-auth/cardea/internal/oauth/scopes"
)

func TestScopesInWords(t *testing.T) {
	w := oauthtest.New(t)
	if _, err := w.Catalogue.Declare(t.Context(), w.Admin(), "invoices:read", "read"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Catalogue.Declare(t.Context(), w.Admin(), "invoices:read", "read your invoices"); err != nil {
		t.Fatal(err)
	}
	got, err := w.Catalogue.Describe(t.Context(), oauthtest.Tenant, oauth.Scopes{"email", "invoices:read", "unknown"})
	want := []scopes.Described{{Name: "email", Words: "see your e-mail address"}, {Name: "invoices:read", Words: "read your invoices"}, {Name: "unknown"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if other, err := w.Catalogue.Describe(t.Context(), "other", oauth.Scopes{"invoices:read"}); err != nil || other[0].Words != "" {
		t.Errorf("another tenant reads our words: %+v, %v", other, err)
	}
	if err := w.Catalogue.Remove(t.Context(), w.Admin(), "invoices:read"); err != nil {
		t.Fatal(err)
	}
	if p, err := w.Catalogue.List(t.Context(), w.Admin(), page.Request{}); err != nil || len(p.Items) != 0 {
		t.Errorf("after removing: %+v, %v", p, err)
	}
}

func TestNamesThatCannotBeDeclared(t *testing.T) {
	w := oauthtest.New(t)
	for _, name := range []string{"", "a b", "openid", "cardea:admin", "cardea:new", `a"`, strings.Repeat("a", 129)} {
		if _, err := w.Catalogue.Declare(t.Context(), w.Admin(), name, "words"); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, words := range []string{"", "a\nb", strings.Repeat("a", 301)} {
		if _, err := w.Catalogue.Declare(t.Context(), w.Admin(), "a", words); !errs.Is(err, errs.Invalid) {
			t.Errorf("words %.10q: %v", words, err)
		}
	}
}

// Requirement O9: a signed-in user gets its own answer, a visitor only the client's list.
func TestSuggest(t *testing.T) {
	w := oauthtest.New(t)
	app := w.Register(oauthtest.WebApp())
	w.Policy.Put("invoices:write", true)
	names := func(c access.Caller) string {
		all, err := w.Catalogue.Suggest(t.Context(), c, app.ClientID(), "")
		if err != nil {
			t.Fatal(err)
		}
		var out oauth.Scopes
		for _, d := range all {
			out = append(out, d.Name)
		}
		return out.String()
	}
	if got := names(w.Nobody()); got != app.Scopes.String() {
		t.Errorf("a visitor: %s", got)
	}
	if got := names(w.Browser(oauthtest.Alice, oauthtest.Sid)); got != app.Scopes.Without("invoices:write").String() {
		t.Errorf("alice: %s", got)
	}
	if _, err := w.Clients.Disable(t.Context(), w.Admin(), app.ClientID()); err != nil {
		t.Fatal(err)
	}
	for _, client := range []oauth.ClientID{app.ClientID(), "unknown"} {
		if _, err := w.Catalogue.Suggest(t.Context(), w.Nobody(), client, ""); !errs.Is(err, errs.NotFound) {
			t.Errorf("%s: %v", client, err)
		}
	}
}
