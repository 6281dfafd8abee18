package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/cardea-auth/cardea"
)

// routes is the whole API: what is served, and what each route needs.
func routes(auth *cardea.Client, all *invoices) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /public", guard(public, auth.Authenticate))
	mux.Handle("GET /me", guard(me, auth.RequireSignIn))
	mux.Handle("GET /invoices", guard(all.list, auth.RequireScope("invoice:read"), auth.RequirePermissions("invoice:read")))
	mux.Handle("POST /invoices", guard(all.create, auth.RequireScope("invoice:write")))
	mux.Handle("DELETE /invoices/{id}", guard(all.delete, auth.RequireScope("invoice:write"), auth.RequireOwnerOr(all.owner, "invoice:delete")))
	return mux
}

// guard puts middleware around h; the first is asked first.
func guard(h http.HandlerFunc, with ...func(http.Handler) http.Handler) http.Handler {
	guarded := http.Handler(h)
	for _, w := range slices.Backward(with) {
		guarded = w(guarded)
	}
	return guarded
}

func public(w http.ResponseWriter, r *http.Request) {
	if who, ok := cardea.Subject(r.Context()); ok {
		answer(w, http.StatusOK, map[string]any{"hello": who.Subject})
		return
	}
	answer(w, http.StatusOK, map[string]any{"hello": "stranger"})
}

func me(w http.ResponseWriter, r *http.Request) {
	who, _ := cardea.Subject(r.Context())
	answer(w, http.StatusOK, map[string]any{
		"subject": who.Subject, "client": who.ClientID, "scopes": who.Scopes(), "acr": who.ACR, "expires": who.Expires,
	})
}

func (all *invoices) list(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"invoices": all.all()})
}

// maxBody is more than an invoice needs.
const maxBody = 4 << 10

func (all *invoices) create(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Cents int64 `json:"cents"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in); err != nil || in.Cents <= 0 {
		cardea.WriteError(w, &cardea.Error{Code: "invalid_input", Status: http.StatusBadRequest, Description: "An invoice needs a positive number of cents."})
		return
	}
	who, _ := cardea.Subject(r.Context())
	made := all.add(who.Subject, in.Cents)
	w.Header().Set("Location", fmt.Sprintf("/invoices/%s", made.ID))
	answer(w, http.StatusCreated, made)
}

func (all *invoices) delete(w http.ResponseWriter, r *http.Request) {
	all.remove(r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

// owner tells RequireOwnerOr whose invoice the request is about.
func (all *invoices) owner(r *http.Request) (string, error) {
	found, ok := all.find(r.PathValue("id"))
	if !ok {
		return "", &cardea.Error{Code: "not_found", Status: http.StatusNotFound, Description: "There is no such invoice."}
	}
	return found.Owner, nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone if this fails
}
