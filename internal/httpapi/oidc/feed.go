package oidc

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/oauth/revocations"
)

// feedLife is how long one connection of the feed lasts. Followers come back with their cursor, so a
// connection that a proxy has forgotten does not live for ever.
const feedLife = 10 * time.Minute

// feed streams what was revoked, one JSON object a line, until the follower goes.
func (d *Door) feed(x *edge.Exchange, c access.Caller) error {
	query, err := x.Query()
	if err != nil {
		return err
	}
	attempt, err := attemptOf(x, nil)
	if err != nil {
		return answer(x, err)
	}
	client, err := d.Clients.Authenticate(x.R.Context(), c, attempt)
	if err != nil {
		return answer(x, err)
	}
	entries, err := d.Board.Follow(x.R.Context(), client, query.Get("after"))
	if errs.CodeOf(err) == revocations.CodeGone {
		return x.JSON(http.StatusGone, map[string]string{
			"error": revocations.CodeGone, "error_description": "start again without a cursor",
		})
	}
	if err != nil {
		return answer(x, err)
	}
	x.Header().Set("Content-Type", "application/x-ndjson")
	x.Header().Set("X-Accel-Buffering", "no") // nginx would keep entries until it has a buffer full of them
	x.WriteHeader(http.StatusOK)
	control := http.NewResponseController(x)
	for entry, err := range entries {
		if err != nil {
			return nil // the connection ends; the follower asks again and is told why
		}
		line, err := json.Marshal(entry)
		if err != nil {
			return nil
		}
		_ = control.SetWriteDeadline(x.Now().Add(10 * time.Second))
		if _, err := x.Write(append(line, '\n')); err != nil {
			return nil
		}
		if err := control.Flush(); err != nil {
			return nil
		}
	}
	return nil
}
