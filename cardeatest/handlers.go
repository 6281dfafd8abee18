package cardeatest

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	routes := map[string]struct {
		part  Part
		serve http.HandlerFunc
	}{
		"GET /.well-known/openid-configuration": {Metadata, s.metadata},
		"GET /jwks":                             {Keys, s.jwks},
		"POST /token":                           {Tokens, s.token},
		"POST /introspect":                      {Introspection, s.introspect},
		"GET /revocations":                      {Feed, s.feed},
		"POST /access/v1/evaluation":            {Decisions, s.evaluation},
		"POST /access/v1/evaluations":           {Decisions, s.evaluations},
	}
	for pattern, route := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.calls[r.URL.Path]++
			broken := s.broken[route.part]
			s.mu.Unlock()
			if broken {
				http.Error(w, "", http.StatusServiceUnavailable)
				return
			}
			route.serve(w, r)
		})
	}
	return mux
}

func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"issuer": s.URL, "jwks_uri": s.URL + "/jwks", "token_endpoint": s.URL + "/token",
		"introspection_endpoint": s.URL + "/introspect",
	})
}

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Cache-Control", "public, max-age=300")
	write(w, http.StatusOK, map[string]any{"keys": s.public})
}

// PublishKeys replaces the published key set by keys, as JWKs. A test of rotation uses it; most do not
// need it.
func (s *Server) PublishKeys(keys ...map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.public = keys
}

// PublishedKeys is a copy of the published key set.
func (s *Server) PublishedKeys() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]map[string]any, 0, len(s.public))
	for _, k := range s.public {
		keys = append(keys, maps.Clone(k))
	}
	return keys
}

// authentic reports whether the request carries the service's credentials (RFC 6749 section 2.3.1).
func authentic(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	return ok && id == url.QueryEscape(ClientID) && secret == url.QueryEscape(ClientSecret)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if !authentic(r) {
		w.Header().Set("WWW-Authenticate", "Basic")
		write(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	if r.PostFormValue("grant_type") != "client_credentials" {
		write(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := "service-" + rand.Text()
	s.clients[token] = true
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int64(s.life / time.Second),
	})
}

// ForgetServiceTokens makes the decision API refuse every token that the token endpoint gave out so
// far, and give out tokens of another life from now on, if life is not 0.
func (s *Server) ForgetServiceTokens(life time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.clients)
	s.life = or(life, s.life)
}

// introspect answers for tokens of the server's own making (RFC 7662). It does not verify signatures;
// package cardea has done so before it asks.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	if !authentic(r) {
		w.Header().Set("WWW-Authenticate", "Basic")
		write(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	parts := strings.Split(r.PostFormValue("token"), ".")
	if len(parts) != 3 {
		write(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	header, claims := decodePart(parts[0]), decodePart(parts[1])
	expires, _ := claims["exp"].(float64)
	s.mu.Lock()
	defer s.mu.Unlock()
	active := claims != nil && int64(expires) > s.now().Unix() && !s.revoked(header, claims)
	write(w, http.StatusOK, map[string]any{"active": active})
}

func write(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone if this fails
}
