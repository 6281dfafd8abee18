package openfga_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

// TestModules compares the joining of random models that are spread over files.
func TestModules(t *testing.T) {
	t.Parallel()
	n := tally{explained: map[string]int{}}
	r := rand.New(rand.NewPCG(7, 8))
	for n.texts < rounds(t, 3_000) && n.failed < 20 {
		n.compareModules(t, spread(r))
	}
	n.log(t)
}

func (n *tally) compareModules(t *testing.T, files []model.File) {
	n.texts++
	var there []transformer.ModuleFile
	for _, f := range files {
		there = append(there, transformer.ModuleFile{Name: f.Name, Contents: f.Text})
	}
	m, err := func() (m *openfgav1.AuthorizationModel, err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		return transformer.TransformModuleFilesToModel(there, "1.2")
	}()
	our, ourErr := model.Join(model.Schema12, files)
	switch {
	case err == nil && slices.ContainsFunc(model.Diagnostics(ourErr), func(d model.Diagnostic) bool { return d.Code == model.CodeModule }):
		n.explained["a file that begins with model is no module, whatever its types have"]++
	case (err == nil) != (ourErr == nil):
		n.failed++
		t.Errorf("theirs %v\nours %v\n%v", err, ourErr, files)
	case err != nil:
		n.refused++
	default:
		n.accepted++
		if diff, ok := sameJSON(m, our); !ok {
			n.failed++
			t.Errorf("%s\n%v", diff, files)
		}
		written, err := model.FormatModules(our)
		if err != nil {
			t.Errorf("%v\n%v", err, files)
			return
		}
		if again, err := model.Join(model.Schema12, written); err != nil || !again.Equal(our) {
			n.failed++
			t.Errorf("written and joined again it is another model: %v\n%v\n%v", err, files, written)
		}
	}
}

// spread puts the types of a random model into up to three files. Now and then a type is declared
// twice, extended where it is declared, or not declared at all.
func spread(r *rand.Rand) []model.File {
	_, body, _ := strings.Cut(random(r), "schema 1.1\n")
	texts := []string{"module one\n", "module two\n", "module three\n"}[:1+r.IntN(3)]
	if r.IntN(30) == 0 {
		texts[0] = "model\n  schema 1.2\n"
	}
	for chunk := range strings.Lines(body) {
		switch {
		case strings.HasPrefix(chunk, "type "), strings.HasPrefix(chunk, "condition "):
			texts = append(texts, chunk)
		default:
			texts[len(texts)-1] += chunk
		}
	}
	files := make([]string, 0, 3)
	for len(texts) > 0 && strings.HasPrefix(texts[0], "mod") {
		files, texts = append(files, texts[0]), texts[1:]
	}
	var conditions []string
	for _, part := range texts {
		at := r.IntN(len(files))
		switch {
		case strings.HasPrefix(part, "condition "):
			conditions = append(conditions, part)
			continue
		case r.IntN(30) == 0: // declared nowhere
			continue
		}
		files[at] += part
		if r.IntN(3) == 0 {
			other := r.IntN(len(files))
			name := strings.Fields(part)[1]
			files[other] += fmt.Sprintf("extend type %s\n  relations\n    define %s: [user]\n", name, []string{"x", "y", "a"}[r.IntN(3)])
		}
	}
	for _, c := range conditions {
		files[r.IntN(len(files))] += c
	}
	var out []model.File
	for i, f := range files {
		out = append(out, model.File{Name: fmt.Sprintf("%c.fga", 'a'+i), Text: f})
	}
	return out
}

// TestManifests compares the reading of fga.mod files, whole and after small changes.
func TestManifests(t *testing.T) {
	t.Parallel()
	sound := []string{
		"schema: \"1.2\"\ncontents:\n  - core.fga\n  - board/one.fga\n",
		"schema: '1.2'\ncontents: [core.fga, \"a b.fga\", a%20b.fga, a\\b.fga]\n",
		"# comment\ncontents:\n- x.fga\nschema: !!str 1.2\nmore: 1\n",
	}
	pieces := append([]string{"../", "/", "%2e%2e%2f", "%zz", "schema", "contents", ": ", "- ", "\n", "'", "\"", "1.2", "1.1", "&a ", "*a", "[]", "{}", "null", "~", "true", "1", ".fga", ".txt", "\t", "!!int ", "---\n"}, pieces...)
	r := rand.New(rand.NewPCG(9, 10))
	failed := 0
	for range rounds(t, 3_000) {
		text := sound[r.IntN(len(sound))]
		for range r.IntN(3) {
			i := r.IntN(len(text) + 1)
			text = text[:i] + pieces[r.IntN(len(pieces))] + text[min(i+r.IntN(3), len(text)):]
		}
		there, err := transformer.TransformModFile(text)
		our, ourErr := model.ParseManifest(text)
		var files []string
		if err == nil {
			for _, f := range there.Contents.Value {
				files = append(files, f.Value)
			}
		}
		if (err == nil) != (ourErr == nil) || err == nil && !(len(files) == len(our.Files) && (len(files) == 0 || reflect.DeepEqual(files, our.Files))) {
			if failed++; failed < 10 {
				t.Errorf("theirs %v %v\nours %v %v\n%s", files, err, our, ourErr, text)
			}
		}
	}
}
