package cardea_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/cardea-auth/cardea"
	"github.com/cardea-auth/cardea/cardeatest"
)

// FuzzParseToken: no panic, and whatever is read from a header is what go-jose reads from it.
func FuzzParseToken(f *testing.F) {
	srv := cardeatest.NewServer(f)
	token := srv.Token(cardeatest.Claims{})
	for _, seed := range []string{token, token[:40], "..", "a.b.c", strings.Repeat(".", 100), token + ".x.y", b64(`{"alg":"none"}`) + ".e30.", b64(`{"typ":"at+jwt","alg":"ES256","kid":"k","kid":"l"}`) + ".e30.AA"} {
		f.Add(seed)
	}
	algorithms := []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256}
	f.Fuzz(func(t *testing.T, token string) {
		alg, kid, ok := cardea.ParseToken(token)
		if !ok {
			return
		}
		if len(token) > cardea.MaxToken || strings.Count(token, ".") != 2 || strings.ContainsAny(token, "=\r\n ") || kid == "" || alg == "" {
			t.Fatalf("accepted %q", token)
		}
		signed, err := jose.ParseSignedCompact(token, algorithms)
		if err != nil {
			return // go-jose also reads the hints that we ignore
		}
		if h := signed.Signatures[0].Header; h.Algorithm != alg || h.KeyID != kid {
			t.Fatalf("we read %q %q, go-jose %q %q", alg, kid, h.Algorithm, h.KeyID)
		}
	})
}

// FuzzDecodeObject: what is accepted means the same to encoding/json, and has no second meaning.
func FuzzDecodeObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"b":[true,null,{"c":"\ud83d\ude00"}]}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, "\ufeff{}", `[]`, `{"a":1e400}`, `{"\u0061":1,"a":2}`, `{"a":"\\ud800"}`, strings.Repeat(`{"a":`, 20)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := cardea.DecodeObject(data)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("accepted %q: %v", data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, encoding/json says %v", data, got, want)
		}
		// A name that appears twice would make this shorter than the input has members.
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(again, []byte(":")) > bytes.Count(data, []byte(":"))+bytes.Count(data, []byte("u003")) {
			t.Fatalf("%q became %q", data, again)
		}
	})
}

// FuzzAuthorization: no header makes the middleware fail, and none but a good token makes somebody.
func FuzzAuthorization(f *testing.F) {
	srv := cardeatest.NewServer(f)
	auth := srv.NewClient(f, cardea.Offline())
	token := srv.Token(cardeatest.Claims{})
	for _, seed := range []string{"", "Bearer", "Bearer ", "bearer " + token, "Bearer " + token + "\nBearer " + token, "Basic YTpi", "Bearer a b", "Bearer =", "\x00", "Bearer \t" + token} {
		f.Add(seed)
	}
	open, closed := auth.Authenticate(greet), auth.RequireSignIn(greet)
	f.Fuzz(func(t *testing.T, headers string) {
		for _, h := range []http.Handler{open, closed} {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header["Authorization"] = strings.Split(headers, "\n")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch w.Code {
			case http.StatusOK:
				if !strings.Contains(headers, token) || w.Body.String() != "alice" {
					t.Fatalf("%q passed as %s", headers, w.Body)
				}
			case http.StatusUnauthorized, http.StatusBadRequest:
				if !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
					t.Fatalf("%q: no challenge", headers)
				}
			default:
				t.Fatalf("%q: %d %s", headers, w.Code, w.Body)
			}
		}
	})
}

// FuzzFeedLine: no panic, and a line that is refused puts nothing in force.
func FuzzFeedLine(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"user","id":"a","min_epoch":1,"until":4102444800,"cursor":"c"}`, `{"kind":"jti","id":"a","until":4102444800,"cursor":"c"}`,
		live("c"), `{"kind":"heartbeat","cursor":"c"}`, `{"kind":"planet","until":1,"cursor":"c"}`, `{"kind":"key","id":"","until":1,"cursor":"c"}`, `{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if n, err := cardea.FeedLine(line); err != nil && n != 0 {
			t.Fatalf("%q is refused and in force", line)
		}
	})
}

// FuzzKeySet: no panic, and a key whose id stands twice verifies nothing.
func FuzzKeySet(f *testing.F) {
	const ec = `{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	for _, seed := range []string{`{"keys":[` + ec + `]}`, `{"keys":[` + ec + `,` + ec + `]}`, `{"keys":[{"kty":"oct","kid":"k","k":"AA"}]}`, `{"keys":{}}`, `{"keys":[null,1,"x"]}`, `{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		ids, err := cardea.KeySet(document)
		if err != nil && len(ids) > 0 {
			t.Fatalf("%q is refused and gives %v", document, ids)
		}
		for _, id := range ids {
			quoted, err := json.Marshal(id)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Count(document, append([]byte(`"kid":`), quoted...)) > 1 {
				t.Fatalf("%q: the id %q stands there twice and verifies", document, id)
			}
		}
	})
}

// FuzzReadDecision: nothing but a true is a yes.
func FuzzReadDecision(f *testing.F) {
	for _, seed := range []string{`{"decision":true}`, `{"decision":false,"context":{"reason":"r","acr_values":"a","max_age":60}}`, `{"decision":"true"}`, `{"decision":1}`, `{"decision":null}`, `{}`, `{"decision":true,"context":{"max_age":-1}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		d, err := cardea.ReadDecision(document)
		if d.Allow && (err != nil || !bytes.Contains(document, []byte("true")) && !bytes.Contains(document, []byte(`\u`))) {
			t.Fatalf("%q allows: %v", document, err)
		}
		if d.MaxAge < 0 {
			t.Fatalf("%q: a negative age", document)
		}
	})
}
