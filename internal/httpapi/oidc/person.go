package oidc

import (
	"errors"
	"net/http"
	"strings"

	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/markup"
	"github.com/cardea-auth/cardea/internal/oauth"
)

// tell answers a refusal that must stay here, because there is nowhere safe to send the browser to:
// the person reads it on a page (RFC 6749, section 4.1.2.1). Whoever does not ask for HTML is a
// program and reads the same as JSON; what is no refusal is left to the doorstep.
func (d *Door) tell(x *edge.Exchange, err error) error {
	if !strings.Contains(x.R.Header.Get("Accept"), "text/html") {
		return answer(x, err)
	}
	refused := told{requestID: x.From.RequestID}
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		refused.status, refused.text, refused.code = statusOf(e.Code), e.Description, string(e.Code)
	} else if e := errs.From(err); errs.Is(err, errs.Invalid) || errs.Is(err, errs.NotFound) {
		refused.status, refused.text, refused.code = problem.Status(e), e.Text, errs.CodeOf(e)
	}
	if refused.status < http.StatusBadRequest || refused.status >= http.StatusInternalServerError {
		return answer(x, err)
	}
	return d.Shell.Plain(x, refused.status, "This did not work", refused.content())
}

// told is what the page says. Nothing of it comes from the request.
type told struct {
	status                int
	text, code, requestID string
}

func (t told) content() markup.HTML {
	return markup.Fill(`<h1>This did not work</h1>
<p>{}</p>
<p>Go back to the application and try again. If it happens again, tell those who run the application.</p>
<p><small>{} · {}</small></p>
`, t.text, t.code, t.requestID)
}
