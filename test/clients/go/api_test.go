package clients_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/test/port"
	"github.com/cardea-auth/cardea/test/process"
)

// audience is how tokens name the example API.
const audience = "http://api.example"

// world is a server as it is shipped, with the example API as a program of its own beside it.
type world struct {
	once   sync.Once
	err    error
	server *server
	api    *process.Process
	apiURL string
	asAPI  app // the example API's own registration
}

// theWorld is the shared server, started by the first test that asks for it.
func theWorld(t testing.TB) *world {
	t.Helper()
	w := &shared
	w.once.Do(func() { w.err = w.start(t) })
	if w.err != nil {
		t.Fatal(w.err)
	}
	return w
}

func (w *world) start(t testing.TB) (err error) {
	if w.server, err = newServer(t.Context(), launch{}); err != nil {
		return err
	}
	w.asAPI = w.server.addApp(t, "service", "--serves", audience)
	w.api, w.apiURL, err = startAPI(t.Context(), w.server, w.asAPI)
	return err
}

// startAPI starts the example API as a resource server of s.
func startAPI(ctx context.Context, s *server, as app) (*process.Process, string, error) {
	at, err := port.Addresses(1)
	if err != nil {
		return nil, "", err
	}
	env := []string{
		"API_LISTEN=" + at[0], "API_ISSUER=" + s.issuer, "API_AUDIENCE=" + audience,
		"API_CLIENT_ID=" + as.id, "API_CLIENT_SECRET=" + as.secret,
	}
	p, err := start(env, built.api)
	if err != nil {
		return nil, "", err
	}
	url := "http://" + at[0]
	if err := p.Await(ctx, url+"/public", sound); err != nil {
		return nil, "", errors.Join(err, p.Cmd.Process.Kill())
	}
	return p, url, nil
}

// end stops what was started.
func (w *world) end() error {
	var all []error
	if w.api != nil {
		all = append(all, w.api.Stop())
	}
	if w.server != nil {
		all = append(all, w.server.end())
	}
	return errors.Join(all...)
}

// call sends a request to the example API; token may be empty.
func (w *world) call(ctx context.Context, method, path, token, body string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, w.apiURL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return send(http.DefaultClient, r)
}

// must is call for a test that cannot go on without an answer.
func (w *world) must(t testing.TB, method, path, token, body string) answer {
	t.Helper()
	a, err := w.call(t.Context(), method, path, token, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
