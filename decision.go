package cardea

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Entity is who acts or what is acted upon, as the authorization model names it (AuthZEN 1.0
// sections 5.1 and 5.2).
type Entity struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Action is what is to be done (AuthZEN 1.0 section 5.3).
type Action struct {
	Name       string         `json:"name"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Request asks: may Subject do Action on Resource, given Context? Types, ids and the name of the
// action must not be empty.
type Request struct {
	Subject  Entity         `json:"subject"`
	Action   Action         `json:"action"`
	Resource Entity         `json:"resource"`
	Context  map[string]any `json:"context,omitempty"`
}

// Decision is an answer. The zero Decision denies.
type Decision struct {
	Allow  bool
	Reason string // for developers and logs; may be empty
	// ACR and MaxAge say which sign-in would turn this denial around, if one would: acr values
	// separated by blanks, best first, and the greatest age. See RFC 9470.
	ACR    string
	MaxAge time.Duration
	// Context is everything the decision point said besides, by its own names.
	Context map[string]any
}

// Entity is the caller as the subject of a decision: a "user", or a "service" if it is a client acting
// for itself.
func (c Caller) Entity() Entity {
	if c.IsService() {
		return Entity{Type: "service", ID: c.Subject}
	}
	return Entity{Type: "user", ID: c.Subject}
}

// facts is what the verified token says about the circumstances, for rules that look at them. They
// are under names of their own, beside whatever the application adds.
func (c Caller) facts() map[string]any {
	facts := map[string]any{"client_id": c.ClientID}
	for name, value := range map[string]string{"session_id": c.SessionID, "org_id": c.Organisation, "acr": c.ACR} {
		if value != "" {
			facts[name] = value
		}
	}
	if !c.AuthTime.IsZero() {
		facts["auth_time"] = c.AuthTime.Unix()
	}
	return facts
}

func (c *Client) permissionRequest(_ *http.Request, who Caller, permission string) Request {
	return Request{
		Subject: who.Entity(), Action: Action{Name: permission},
		Resource: Entity{Type: "api", ID: c.cfg.Audience}, Context: who.facts(),
	}
}

func roleRequest(_ *http.Request, who Caller, role string) Request {
	return Request{
		Subject: who.Entity(), Action: Action{Name: "assignee"},
		Resource: Entity{Type: "role", ID: role}, Context: who.facts(),
	}
}

// Decide asks the issuer's decision API (AuthZEN 1.0) one question. If there is an error, an [*Error]
// with the code decision_unavailable, the Decision denies.
func (c *Client) Decide(ctx context.Context, r Request) (Decision, error) {
	if err := r.check(); err != nil {
		return Decision{}, undecided(err)
	}
	doc, err := c.ask(ctx, "/access/v1/evaluation", r)
	if err != nil {
		return Decision{}, undecided(err)
	}
	d, err := readDecision(doc)
	if err != nil {
		return Decision{}, undecided(err)
	}
	return d, nil
}

// DecideAll asks several questions in one call. The answers are in the order of the questions; if
// there is an error, there are no answers at all. No questions need no call.
func (c *Client) DecideAll(ctx context.Context, questions []Request) ([]Decision, error) {
	if len(questions) == 0 {
		return nil, nil
	}
	decisions, err := c.decideAll(ctx, questions)
	if err != nil {
		return nil, undecided(err)
	}
	return decisions, nil
}

func (c *Client) decideAll(ctx context.Context, questions []Request) ([]Decision, error) {
	for _, r := range questions {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	doc, err := c.ask(ctx, "/access/v1/evaluations", map[string]any{
		"evaluations": questions, "options": map[string]any{"evaluations_semantic": "execute_all"},
	})
	if err != nil {
		return nil, err
	}
	answers, ok := doc["evaluations"].([]any)
	if !ok || len(answers) != len(questions) {
		return nil, errors.New("the decision API did not answer every question")
	}
	decisions := make([]Decision, len(answers))
	for i, a := range answers {
		object, _ := a.(map[string]any)
		if decisions[i], err = readDecision(object); err != nil {
			return nil, err
		}
	}
	return decisions, nil
}

func (r Request) check() error {
	if r.Subject.Type == "" || r.Subject.ID == "" || r.Action.Name == "" || r.Resource.Type == "" || r.Resource.ID == "" {
		return errors.New("the request has no subject, action or resource")
	}
	return nil
}

// ask posts a question with the client's own token. A token that the issuer refuses is replaced once:
// it may have been revoked with the client's old secret.
func (c *Client) ask(ctx context.Context, path string, question any) (map[string]any, error) {
	if c.cfg.ClientID == "" {
		return nil, errors.New("decisions need a ClientID and ClientSecret")
	}
	body, err := json.Marshal(question)
	if err != nil {
		return nil, fmt.Errorf("encoding the question: %w", err)
	}
	a, token, err := c.post(ctx, path, body)
	if err == nil && a.status == http.StatusUnauthorized {
		c.token.drop(token)
		a, _, err = c.post(ctx, path, body)
	}
	if err != nil {
		return nil, err
	}
	return a.object()
}

func (c *Client) post(ctx context.Context, path string, body []byte) (a answer, token string, err error) {
	if token, err = c.bearer(ctx); err != nil {
		return answer{}, "", err
	}
	req, err := c.remote.request(ctx, http.MethodPost, c.cfg.Issuer+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return answer{}, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	a, err = c.remote.send(req, maxAnswer)
	return a, token, err
}

// readDecision takes only a JSON true for a yes.
func readDecision(doc map[string]any) (Decision, error) {
	allow, ok := doc["decision"].(bool)
	if !ok {
		return Decision{}, errors.New("the decision API answered without a decision")
	}
	d := Decision{Allow: allow}
	d.Context, _ = doc["context"].(map[string]any)
	d.Reason, _ = stringOf(d.Context, "reason")
	d.ACR, _ = stringOf(d.Context, "acr_values")
	if age, ok := secondsOf(d.Context["max_age"]); ok && age <= int64(maxStepUpAge/time.Second) {
		d.MaxAge = time.Duration(age) * time.Second
	}
	return d, nil
}

// maxStepUpAge keeps a stated age within what a Duration can hold; a greater one is no demand.
const maxStepUpAge = 10 * 365 * 24 * time.Hour
