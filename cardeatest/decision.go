package cardeatest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/cardea-auth/cardea"
)

// rule is one thing that is allowed: subject and resource as type:id.
type rule struct{ subject, action, resource string }

type stepUp struct {
	acr    string
	maxAge time.Duration
}

// Allow lets subject do action on resource. Subject and resource are type:id, such as "user:alice" and
// "invoice:17"; "*" as an id stands for every id of the type.
func (s *Server) Allow(subject, action, resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed[rule{subject, action, resource}] = true
}

// Disallow takes an Allow back.
func (s *Server) Disallow(subject, action, resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.allowed, rule{subject, action, resource})
}

// Grant gives the user a permission by name, for RequirePermissions and RequireOwnerOr.
func (s *Server) Grant(user, permission string) {
	s.Allow("user:"+user, permission, "api:*")
}

// Ungrant takes a permission of the user back, by name.
func (s *Server) Ungrant(user, permission string) {
	s.Disallow("user:"+user, permission, "api:*")
}

// Assign gives the user a role by name, for RequireAnyRole.
func (s *Server) Assign(user, role string) { s.Allow("user:"+user, "assignee", "role:"+role) }

// Unassign takes a role of the user back.
func (s *Server) Unassign(user, role string) { s.Disallow("user:"+user, "assignee", "role:"+role) }

// DemandStepUp makes the decision about exactly these three a denial that a better sign-in would turn
// around.
func (s *Server) DemandStepUp(subject, action, resource, acr string, maxAge time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stepUps[rule{subject, action, resource}] = stepUp{acr, maxAge}
}

func (s *Server) evaluation(w http.ResponseWriter, r *http.Request) {
	var question cardea.Request
	if !s.readQuestion(w, r, &question) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	write(w, http.StatusOK, s.decide(question))
}

func (s *Server) evaluations(w http.ResponseWriter, r *http.Request) {
	var questions struct {
		Evaluations []cardea.Request `json:"evaluations"`
	}
	if !s.readQuestion(w, r, &questions) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answers := make([]map[string]any, 0, len(questions.Evaluations))
	for _, q := range questions.Evaluations {
		answers = append(answers, s.decide(q))
	}
	write(w, http.StatusOK, map[string]any{"evaluations": answers})
}

// readQuestion decodes the body for a caller with a token of the token endpoint, or answers itself.
func (s *Server) readQuestion(w http.ResponseWriter, r *http.Request, into any) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	known := bearer && s.clients[token]
	s.mu.Unlock()
	if !known {
		write(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return false
	}
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		write(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return false
	}
	return true
}

// decide looks the question up. The caller holds mu.
func (s *Server) decide(q cardea.Request) map[string]any {
	subject, resource := q.Subject.Type+":"+q.Subject.ID, q.Resource.Type+":"+q.Resource.ID
	for _, who := range []string{subject, q.Subject.Type + ":*"} {
		for _, what := range []string{resource, q.Resource.Type + ":*"} {
			if s.allowed[rule{who, q.Action.Name, what}] {
				return map[string]any{"decision": true, "context": map[string]any{"reason": "allowed by the test"}}
			}
		}
	}
	context := map[string]any{"reason": "nothing allows it"}
	if u, ok := s.stepUps[rule{subject, q.Action.Name, resource}]; ok {
		context["acr_values"], context["max_age"] = u.acr, int64(u.maxAge/time.Second)
	}
	return map[string]any{"decision": false, "context": context}
}
