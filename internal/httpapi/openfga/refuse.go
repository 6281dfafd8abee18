package openfga

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/httpapi/problem"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Refusal is an error as OpenFGA's clients read it.
type Refusal struct {
	Code    string `json:"code" doc:"of OpenFGA's, such as validation_error"`
	Message string `json:"message" doc:"what is wrong, for a person"`
	Reason  string `json:"reason,omitzero" doc:"our own code, which is narrower"`
}

// refuse answers a refusal in OpenFGA's words. The status is that which its clients expect, or ours.
func refuse(w http.ResponseWriter, p problem.Problem) {
	status, code := translate(p)
	answer(w, p, status, code)
}

// refuseList is refuse for lists, where OpenFGA has codes of its own for what a check calls invalid.
func refuseList(w http.ResponseWriter, p problem.Problem) {
	status, code := translate(p)
	switch p.Code {
	case "unknown_type":
		code = "type_not_found"
	case "unknown_relation":
		code = "relation_not_found"
	case "invalid_contextual_condition":
		code = "validation_error"
	}
	answer(w, p, status, code)
}

func answer(w http.ResponseWriter, p problem.Problem, status int, code string) {
	body, err := json.Marshal(Refusal{Code: code, Message: message(p), Reason: p.Code})
	if err != nil { // a text that is not UTF-8: then the code must do
		body, _ = json.Marshal(Refusal{Code: code, Message: p.Title, Reason: p.Code})
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has gone: nobody is left to tell
}

// message is the sentence, with the findings about a model, of which the sentence says only that
// there are some.
func message(p problem.Problem) string {
	var b strings.Builder
	b.WriteString(p.Detail)
	if p.Missing != "" && !strings.Contains(p.Detail, p.Missing) {
		b.WriteString(" Missing: " + p.Missing + ".")
	}
	for _, f := range p.Errors {
		if !strings.Contains(p.Detail, f.Detail) && !strings.Contains(p.Detail, f.Pointer) {
			b.WriteString("\n" + f.Pointer + ": " + f.Detail)
		}
	}
	return b.String()
}

// translate finds the status and code of OpenFGA.
func translate(p problem.Problem) (int, string) {
	if code := byReason(p.Code); code != "" {
		switch code {
		case "store_id_not_found", "undefined_endpoint":
			return http.StatusNotFound, code
		case conflict:
			return http.StatusConflict, code
		}
		return http.StatusBadRequest, code
	}
	switch {
	case p.Status == http.StatusUnauthorized && strings.HasSuffix(p.Code, "_missing"):
		return p.Status, "bearer_token_missing"
	case p.Status == http.StatusUnauthorized:
		return p.Status, "auth_failed_invalid_bearer_token"
	case p.Status == http.StatusForbidden:
		return p.Status, "forbidden"
	case p.Status == http.StatusNotFound:
		return p.Status, "undefined_endpoint"
	case p.Status == http.StatusConflict:
		return p.Status, conflict
	case p.Status == http.StatusTooManyRequests:
		return p.Status, "rate_limit_exceeded"
	case p.Status == http.StatusServiceUnavailable:
		return p.Status, "unavailable"
	case p.Status >= http.StatusInternalServerError:
		return p.Status, "internal_error"
	}
	return p.Status, "validation_error"
}

// conflict is the code with which OpenFGA says that another write came first.
const conflict = "Aborted"

// byReason is the code of OpenFGA for the refusals for which it has one of its own.
func byReason(code string) string {
	switch code {
	case "store_not_found":
		return "store_id_not_found"
	case "model_not_found":
		return "authorization_model_not_found"
	case "model_missing":
		return "latest_authorization_model_not_found"
	case "invalid_model":
		return "invalid_authorization_model"
	case "tuple_exists", "tuple_missing":
		return "write_failed_due_to_invalid_input"
	case "tuple_differs", "idempotency_key_reused":
		return conflict
	case "invalid_contextual_tuple", "invalid_contextual_condition":
		return "invalid_tuple"
	case "duplicate_tuple":
		return "cannot_allow_duplicate_tuples_in_one_request"
	case "nothing_to_write":
		return "invalid_write_input"
	case "too_many_tuples", "too_many_questions", "too_many_contextual_tuples":
		return "exceeded_entity_limit"
	case "too_many_assertions":
		return "assertions_too_many_items"
	case "invalid_cursor":
		return "invalid_continuation_token"
	case "cursor_type_mismatch":
		return "query_string_type_continuation_token_mismatch"
	case "invalid_page_size":
		return "page_size_invalid"
	case "work_exceeded":
		return "authorization_model_resolution_too_complex"
	}
	return ""
}

// malformed says where a body is wrong, and never with what.
func malformed(err error) error {
	place, detail := "body", "is not valid JSON"
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		place, detail = string(s.JSONPointer), "has the wrong type"
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		place, detail = "body", "names a member twice"
	}
	return errs.Bad(place, "%s", detail)
}
