package keyring_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/keyring"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
	"github.com/cardea-auth/cardea/internal/tenant"
)

const acme = id.Tenant("acme")

// house is one node: a ring over a database, and what stands around it.
type house struct {
	*keyring.Ring
	t           testing.TB
	db          *store.DB
	clock       *storetest.Clock
	revocations *tenant.Revocations
	path        string
}

type options struct {
	path   string
	clock  *storetest.Clock
	guard  *access.Guard
	policy keyring.Policy
	sealer store.Sealer
	faults *storetest.Faults
}

func newHouse(t testing.TB, o options) *house {
	t.Helper()
	if o.clock == nil {
		o.clock = storetest.NewClock()
	}
	if o.path == "" {
		o.path = filepath.Join(t.TempDir(), "test.db")
	}
	if o.guard == nil {
		o.guard = storetest.Guard(o.clock.Now)
	}
	with := []storetest.Option{storetest.WithPath(o.path), storetest.WithClock(o.clock)}
	if o.sealer != nil {
		with = append(with, storetest.WithSealer(o.sealer))
	}
	if o.faults != nil {
		with = append(with, storetest.WithFaults(o.faults))
	}
	h := &house{t: t, clock: o.clock, path: o.path, db: storetest.NewDB(t, with...)}
	h.revocations = tenant.NewRevocations(h.db)
	ring, err := keyring.New(keyring.Config{DB: h.db, Guard: o.guard, Revocations: h.revocations, Policy: o.policy})
	if err != nil {
		t.Fatal(err)
	}
	h.Ring = ring
	storetest.Ensure(t, h.db)
	return h
}

// twins are two nodes over one database.
func twins(t testing.TB) (a, b *house) {
	t.Helper()
	o := options{path: filepath.Join(t.TempDir(), "test.db"), clock: storetest.NewClock(), sealer: storetest.NewSealer()}
	return newHouse(t, o), newHouse(t, o)
}

func (h *house) admin() access.Caller { return storetest.User(acme, "root", h.clock.Now()) }

// claims are claims given as text.
type claims string

func (c claims) AppendJSON(b []byte) ([]byte, error) { return append(b, c...), nil }

const someClaims = claims(`{"iss":"https://id.example","sub":"u1","aud":"api","exp":1,"iat":1,"jti":"x","sid":"s","ep":{"s":1,"u":1}}`)

func (h *house) access(alg keyring.Alg) string {
	h.t.Helper()
	token, err := h.Tokens().SignAccess(context.Background(), acme, alg, someClaims)
	if err != nil {
		h.t.Fatalf("signing with %s: %v", alg, err)
	}
	return token
}

func (h *house) tick() {
	h.t.Helper()
	if err := h.Tick(context.Background(), acme); err != nil {
		h.t.Fatalf("tick: %v", err)
	}
}

func (h *house) refresh() {
	h.t.Helper()
	if err := h.Refresh(context.Background(), acme); err != nil {
		h.t.Fatalf("refresh: %v", err)
	}
}

func (h *house) verifies(token string) bool {
	h.t.Helper()
	v, err := h.Verify(context.Background(), acme, keyring.AccessToken, token)
	return err == nil && string(v.Claims) == string(someClaims)
}

func (h *house) list() []keyring.Key {
	h.t.Helper()
	keys, err := h.List(context.Background(), h.admin())
	if err != nil {
		h.t.Fatal(err)
	}
	return keys
}

// in are the keys of a purpose, algorithm and state.
func (h *house) in(p keyring.Purpose, a keyring.Alg, s keyring.State) []keyring.Key {
	h.t.Helper()
	var out []keyring.Key
	for _, k := range h.list() {
		if k.Purpose == p && k.Alg == a && k.State == s {
			out = append(out, k)
		}
	}
	return out
}

// keySet is the issuer's set as somebody else reads it.
func (h *house) keySet() *jose.JSONWebKeySet {
	h.t.Helper()
	set, err := h.IssuerKeys(context.Background(), acme)
	if err != nil {
		h.t.Fatal(err)
	}
	return readSet(h.t, set)
}

func readSet(t testing.TB, set keyring.Set) *jose.JSONWebKeySet {
	t.Helper()
	out := new(jose.JSONWebKeySet)
	if err := json.Unmarshal(set.Body, out); err != nil {
		t.Fatalf("reading the key set: %v", err)
	}
	for _, k := range out.Keys {
		if !k.Valid() || !k.IsPublic() || k.Use != "sig" || k.KeyID == "" || k.Algorithm == "" {
			t.Fatalf("a bad key in the set: %+v", k)
		}
	}
	return out
}

// foreign verifies a token as a relying party with go-jose does.
func foreign(t testing.TB, set *jose.JSONWebKeySet, token string) bool {
	t.Helper()
	return foreignErr(set, token) == nil
}

func foreignErr(set *jose.JSONWebKeySet, token string) error {
	all := []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256}
	parsed, err := jose.ParseSignedCompact(token, all)
	if err != nil {
		return err
	}
	_, err = parsed.Verify(set)
	return err
}

// header is the decoded header of a token.
func header(t testing.TB, token string) string {
	t.Helper()
	text, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// forge is a token with the header and payload given as text and a signature given as bytes.
func forge(header, payload string, signature []byte) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(payload)) + "." + e.EncodeToString(signature)
}

// signatureOf is the decoded signature of a token.
func signatureOf(t testing.TB, token string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(raw)
}

const day = 24 * time.Hour

// openSQL opens the database file of a node, as somebody who tampers would.
func openSQL(t testing.TB, h *house) *sql.DB {
	t.Helper()
	storetest.SQLiteOnly(t, "it opens the database file beside the engine")
	db, err := sql.Open("sqlite", "file:"+h.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// editBody replaces a piece of a stored key.
func editBody(t testing.TB, h *house, kid, old, new string) {
	t.Helper()
	result, err := openSQL(t, h).Exec(`UPDATE c_signing_key SET body = replace(body, ?, ?) WHERE id = ? AND instr(body, ?) > 0`, old, new, kid, old)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := result.RowsAffected(); n != 1 {
		t.Fatalf("%q is not in the key", old)
	}
}

// bodyOf is a stored key as text.
func bodyOf(t testing.TB, h *house, kid string) (body string) {
	t.Helper()
	if err := openSQL(t, h).QueryRow(`SELECT body FROM c_signing_key WHERE id = ?`, kid).Scan(&body); err != nil {
		t.Fatal(err)
	}
	return body
}

// copyKey copies the row of a key into another database, as retiring.
func copyKey(t testing.TB, from, to *house, kid string) {
	t.Helper()
	body := strings.Replace(bodyOf(t, from, kid), `"state":"active"`, `"state":"retiring"`, 1)
	if _, err := openSQL(t, to).Exec(`INSERT INTO c_signing_key (tenant, id, version, body) VALUES (?, ?, 1, ?)`, string(acme), kid, body); err != nil {
		t.Fatal(err)
	}
}
