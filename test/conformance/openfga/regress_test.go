package openfga_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const conditional = `model
  schema 1.1
type user
type doc
  relations
    define blocked: [user with in_office]
    define viewer: [user, user with in_office] but not blocked
condition in_office(inside: bool, place: string) {
  inside && place == "here"
}
`

// TestRegress_160_ConditionsOverHTTP: a condition that lacks a parameter is neither true nor false, on
// either side of an exclusion, in checks, batches and lists.
func TestRegress_160_ConditionsOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "conditions", conditional)
	body := `{"writes":{"tuple_keys":[
		{"user":"user:anne","relation":"viewer","object":"doc:1","condition":{"name":"in_office","context":{"place":"here"}}},
		{"user":"user:bob","relation":"viewer","object":"doc:1"},
		{"user":"user:bob","relation":"blocked","object":"doc:1","condition":{"name":"in_office","context":{"place":"here"}}}]}}`
	if _, _, err := h.post("/stores/"+h.store+"/write", body, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ user, context, want string }{
		{"anne", `{"inside":true}`, "true"}, {"anne", `{"inside":false}`, "false"}, {"anne", `{}`, "inside"},
		{"bob", `{"inside":true}`, "false"}, {"bob", `{"inside":false}`, "true"}, {"bob", `{}`, "inside"},
		{"anne", `{"inside":true,"place":"elsewhere"}`, "true"}, // what the tuple says counts
		{"anne", `{"inside":"yes"}`, "context"},
	} {
		answer, _, err := h.post("/stores/"+h.store+"/check", `{"tuple_key":`+key("user:"+c.user, "viewer", "doc:1")+`,"context":`+c.context+`}`, "")
		if got := fmt.Sprint(answer["allowed"], err); !strings.Contains(got, c.want) {
			t.Errorf("%s with %s: %s", c.user, c.context, got)
		}
		list, _, err := h.post("/stores/"+h.store+"/list-objects", `{"user":"user:`+c.user+`","relation":"viewer","type":"doc","context":`+c.context+`}`, "")
		if got := strings.Contains(fmt.Sprint(list["objects"]), "doc:1"); (err == nil) != (c.want == "true" || c.want == "false") || got != (c.want == "true") {
			t.Errorf("list of %s with %s: %v, %v", c.user, c.context, list, err)
		}
	}
	for _, bad := range []string{
		`{"user":"user:x","relation":"viewer","object":"doc:1","condition":{"name":"nothing"}}`,
		`{"user":"user:x","relation":"viewer","object":"doc:1","condition":{"name":"in_office","context":{"inside":"yes"}}}`,
		`{"user":"user:x","relation":"viewer","object":"doc:1","condition":{"name":"in_office","context":{"other":1}}}`,
	} {
		if _, _, err := h.post("/stores/"+h.store+"/write", `{"writes":{"tuple_keys":[`+bad+`]}}`, ""); err == nil || !strings.Contains(err.Error(), "status 400") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestRegress_159_DelimitersOverHTTP: no character of an id makes two tuples one.
func TestRegress_159_DelimitersOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "delimiters", "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n")
	ids := []string{"a", "a:b", "a@b", "a|b", "a,b", "a%23b", "a*", "a/b", "a\\\\b", "ä", "a\u0308", "A"}
	for _, one := range ids {
		if _, _, err := h.post("/stores/"+h.store+"/write", `{"writes":{"tuple_keys":[{"user":"user:`+one+`","relation":"viewer","object":"doc:`+one+`"}]}}`, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range ids {
		for _, object := range ids {
			answer, _, err := h.post("/stores/"+h.store+"/check", `{"tuple_key":{"user":"user:`+user+`","relation":"viewer","object":"doc:`+object+`"}}`, "")
			if err != nil || answer["allowed"] != (user == object) {
				t.Errorf("%s of %s: %v %v", user, object, answer, err)
			}
		}
	}
	for _, odd := range []string{"a b", "a#b", "", "*", "a\\u0000b", "a\\tb"} {
		if _, _, err := h.post("/stores/"+h.store+"/write", `{"writes":{"tuple_keys":[{"user":"user:a","relation":"viewer","object":"doc:`+odd+`"}]}}`, ""); err == nil || !strings.Contains(err.Error(), "status 400") {
			t.Errorf("%q: %v", odd, err)
		}
	}
}

// TestRegress_161_EveryEndPointNeedsACredential: streams and lists too.
func TestRegress_161_EveryEndPointNeedsACredential(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "credentials", "model\n  schema 1.1\ntype user\n")
	for _, path := range []string{"check", "batch-check", "expand", "explain", "list-objects", "streamed-list-objects", "list-users", "read", "write", "authorization-models"} {
		r, err := http.Post(h.issuer+"/stores/"+h.store+"/"+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d", path, r.StatusCode)
		}
	}
}
