package cardea_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// BenchmarkVerifyCold verifies the signature and the claims each time.
func BenchmarkVerifyCold(b *testing.B) {
	srv := cardeatest.NewServer(b)
	auth := srv.NewClient(b)
	token := srv.Token(cardeatest.Claims{Scope: "invoice:read invoice:write", ACR: "mfa", Roles: []string{"editor"}})
	auth.NewMemory(0, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := auth.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
		auth.NewMemory(0, 0)
	}
}

// BenchmarkVerifyRemembered verifies a token that was seen before: key, time and standing only.
func BenchmarkVerifyRemembered(b *testing.B) {
	srv := cardeatest.NewServer(b)
	auth := srv.NewClient(b)
	token := srv.Token(cardeatest.Claims{Scope: "invoice:read invoice:write", ACR: "mfa", Roles: []string{"editor"}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := auth.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyRememberedAmongRevocations has 100,000 revocations in force.
func BenchmarkVerifyRememberedAmongRevocations(b *testing.B) {
	srv := cardeatest.NewServer(b)
	for range 100_000 {
		srv.RevokeSession(rand.Text())
	}
	auth := srv.NewClient(b)
	token := srv.Token(cardeatest.Claims{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := auth.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGuard is what RequireScope adds to a request with a remembered token.
func BenchmarkGuard(b *testing.B) {
	srv := cardeatest.NewServer(b)
	auth := srv.NewClient(b)
	h := auth.RequireScope("read")(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := cardea.Subject(r.Context()); !ok {
			b.Error("anonymous")
		}
	}))
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+srv.Token(cardeatest.Claims{Scope: "read"}))
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
