package cardea_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// demoTB lets examples, which have no testing.TB, use cardeatest.
type demoTB struct {
	testing.TB
	cleanups []func()
}

func (d *demoTB) Helper()                   {}
func (d *demoTB) Cleanup(f func())          { d.cleanups = append(d.cleanups, f) }
func (d *demoTB) Context() context.Context  { return context.Background() }
func (d *demoTB) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func (d *demoTB) end() {
	for _, f := range slices.Backward(d.cleanups) {
		f()
	}
}

// demo is an issuer and a client for an example. A service has cardea.New instead.
func demo() (srv *cardeatest.Server, auth *cardea.Client, end func()) {
	tb := &demoTB{}
	srv = cardeatest.NewServer(tb)
	return srv, srv.NewClient(tb), tb.end
}

// get calls h as the user with the token and prints what a client sees.
func get(h http.Handler, token string) {
	w := call(h, token)
	fmt.Println(w.Code, w.Body.String())
}

// post is get with another method and path, for a mux.
func post(h http.Handler, path, token string) {
	r := httptest.NewRequest(http.MethodPost, path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body.String())
}
