// Package cedar_test puts Cedar's corpus to our policies: 62,000 questions with the answers of the
// reference implementation, through the same entities, values and names that the server uses. It is a
// module of its own because it reads the archive that cedar-go ships.
package cedar_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/authz/policy"
)

// uid is an entity in Cedar's JSON.
type uid struct{ Type, ID string }

func (u *uid) UnmarshalJSON(b []byte) error {
	var plain struct {
		Type   string `json:"type"`
		ID     string `json:"id"`
		Entity *struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		} `json:"__entity"`
	}
	if err := json.Unmarshal(b, &plain); err != nil {
		return err
	}
	if u.Type, u.ID = plain.Type, plain.ID; plain.Entity != nil {
		u.Type, u.ID = plain.Entity.Type, plain.Entity.ID
	}
	return nil
}

// ref is the entity in our words.
func (u uid) ref() policy.Ref {
	return policy.Ref{Type: policy.OurType(types.EntityType(u.Type)), ID: u.ID}
}

type example struct {
	Policies       string `json:"policies"`
	Entities       string `json:"entities"`
	Schema         string `json:"schema"`
	ShouldValidate bool   `json:"shouldValidate"`
	Requests       []struct {
		Description string         `json:"description"`
		Principal   uid            `json:"principal"`
		Action      uid            `json:"action"`
		Resource    uid            `json:"resource"`
		Context     map[string]any `json:"context"`
		Decision    string         `json:"decision"`
		Reason      []string       `json:"reason"`
		Errors      []string       `json:"errors"`
	} `json:"requests"`
}

type entity struct {
	UID     uid            `json:"uid"`
	Attrs   map[string]any `json:"attrs"`
	Parents []uid          `json:"parents"`
	Tags    map[string]any `json:"tags"`
}

// facts are the entities of an example.
type facts map[policy.Ref]policy.Known

func (f facts) Known(_ context.Context, r policy.Ref) (policy.Known, bool, error) {
	known, ok := f[r]
	return known, ok, nil
}

// whole reads whole numbers whole: the corpus has some that a float would round.
func whole() json.Options {
	return json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
		if d.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		var n int64
		if err := json.UnmarshalDecode(d, &n); err != nil {
			return err
		}
		*v = n
		return nil
	}))
}

// archive reads the files of the corpus.
func archive(t *testing.T) map[string][]byte {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cedar-policy/cedar-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "corpus-tests.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if all[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// count is what was compared.
type count struct{ sets, questions, validated int }

// TestCorpus: what we say is what the reference says, and for the same policies. Where a policy that
// forbids cannot be evaluated the reference passes over it, and we deny: in the corpus it is denied there
// too, each time.
func TestCorpus(t *testing.T) {
	files := archive(t)
	var n count
	for name, text := range files {
		if !strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".entities.json") {
			continue
		}
		var e example
		if err := json.Unmarshal(text, &e, whole()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n.compare(t, name, e, files)
	}
	t.Logf("%d sets, %d of which were validated alike, and %d questions", n.sets, n.validated, n.questions)
	if n.questions != 62_000 {
		t.Errorf("%+v", n)
	}
}

func (n *count) compare(t *testing.T, name string, e example, files map[string][]byte) {
	p, err := policy.Parse(string(files[e.Policies]))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if err := p.Validate(string(files[e.Schema])); (err == nil) != e.ShouldValidate {
		t.Errorf("%s: validated %v, want %v: %v", name, err == nil, e.ShouldValidate, err)
	} else {
		n.validated++
	}
	var all []entity
	if err := json.Unmarshal(files[e.Entities], &all, whole()); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	known := facts{}
	for _, one := range all {
		k := policy.Known{Attributes: one.Attrs, Tags: one.Tags}
		for _, parent := range one.Parents {
			k.Parents = append(k.Parents, parent.ref())
		}
		known[one.UID.ref()] = k
	}
	n.sets++
	for _, r := range e.Requests {
		n.questions++
		v, err := p.Judge(t.Context(), policy.Question{
			Subject: policy.Entity{Ref: r.Principal.ref()}, Resource: policy.Entity{Ref: r.Resource.ref()},
			Action: r.Action.ID, ActionType: types.EntityType(r.Action.Type), Context: r.Context, Facts: known,
		}, n.questions%10 == 0)
		if err != nil {
			t.Errorf("%s, %s: %v", name, r.Description, err)
			continue
		}
		if v.Effect == "" {
			for _, failed := range v.Failed {
				if !slices.Contains(r.Errors, failed.Policy) {
					t.Errorf("%s, %s: %s failed, and not there: %s", name, r.Description, failed.Policy, failed.Error)
				}
			}
			if r.Decision == "allow" {
				t.Errorf("%s, %s: allowed there past %v", name, r.Description, v.Failed)
			}
			continue
		}
		var by []string
		for _, c := range v.Determining {
			by = append(by, c.Policy)
		}
		slices.Sort(by)
		slices.Sort(r.Reason)
		if (v.Effect == policy.Permit) != (r.Decision == "allow") || !slices.Equal(by, r.Reason) {
			t.Errorf("%s, %s: %s by %v, want %s by %v", name, r.Description, v.Effect, by, r.Decision, r.Reason)
		}
	}
}
