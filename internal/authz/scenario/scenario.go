// Package scenario runs tests of a model as OpenFGA's store files describe them (.fga.yaml): a model,
// tuples, and for each test questions with the answers that are expected. Nothing is stored, and no
// server is needed.
//
//	model: | …           or  model_file: model.fga (or fga.mod)
//	tuples: […]          or  tuple_file: tuples.yaml
//	tests:
//	  - name: …
//	    tuples: […]      besides those above
//	    check: [{user, object, context, assertions: {viewer: true}}]
//	    list_objects: [{user, type, context, assertions: {viewer: [doc:1]}}]
//	    list_users: [{object, user_filter: [{type}], context, assertions: {viewer: {users: [user:anne]}}}]
//
// A model that uses the built-in module is asked with the tuples of the file alone, those of its groups and roles too.
//
// A member that is not known is refused: an assertion that is spelled wrongly would pass for ever.
package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/cardea-auth/cardea/internal/authz/builtin"
	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/model"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// File is a store file.
type File struct {
	Name       string   `yaml:"name"`
	Model      string   `yaml:"model"`
	ModelFile  string   `yaml:"model_file"`
	Tuples     []Tuple  `yaml:"tuples"`
	TupleFile  string   `yaml:"tuple_file"`
	TupleFiles []string `yaml:"tuple_files"`
	Tests      []Test   `yaml:"tests"`
}

// Tuple is a tuple as such files write it.
type Tuple struct {
	User      string `yaml:"user"`
	Relation  string `yaml:"relation"`
	Object    string `yaml:"object"`
	Condition *struct {
		Name    string         `yaml:"name"`
		Context map[string]any `yaml:"context"`
	} `yaml:"condition"`
}

// Test is a group of questions over the same tuples.
type Test struct {
	Name        string        `yaml:"name"`
	Description string        `yaml:"description"`
	Tuples      []Tuple       `yaml:"tuples"`
	TupleFile   string        `yaml:"tuple_file"`
	TupleFiles  []string      `yaml:"tuple_files"`
	Check       []Check       `yaml:"check"`
	ListObjects []ListObjects `yaml:"list_objects"`
	ListUsers   []ListUsers   `yaml:"list_users"`
}

// Check asks each of users about each of objects.
type Check struct {
	User       string          `yaml:"user"`
	Users      []string        `yaml:"users"`
	Object     string          `yaml:"object"`
	Objects    []string        `yaml:"objects"`
	Context    map[string]any  `yaml:"context"`
	Assertions map[string]bool `yaml:"assertions"`
}

// ListObjects asks for the objects of a type.
type ListObjects struct {
	User       string              `yaml:"user"`
	Type       string              `yaml:"type"`
	Context    map[string]any      `yaml:"context"`
	Assertions map[string][]string `yaml:"assertions"`
}

// ListUsers asks for the users of an object.
type ListUsers struct {
	Object  string `yaml:"object"`
	Filters []struct {
		Type     string `yaml:"type"`
		Relation string `yaml:"relation"`
	} `yaml:"user_filter"`
	Context    map[string]any `yaml:"context"`
	Assertions map[string]struct {
		Users []string `yaml:"users"`
	} `yaml:"assertions"`
}

// Outcome is what one assertion came to.
type Outcome struct {
	Test     string `json:"test"`
	Question string `json:"question"`
	Want     string `json:"want"`
	Got      string `json:"got"`
	Passed   bool   `json:"passed"`
}

// Options say how store files are run.
type Options struct {
	Now time.Time
	// Model is what a file is about that has no model of its own; nil refuses such files.
	Model *model.Model
	// Most bounds the questions of a file; 0 does not.
	Most int
}

// Run reads a store file in a folder and asks all that it asks. An error means that the file cannot be
// asked: it is malformed, the model is not sound, or a tuple does not fit it.
func (o Options) Run(ctx context.Context, dir fs.FS, name string) ([]Outcome, error) {
	r := runner{Options: o, ctx: ctx, dir: dir, base: path.Dir(name)}
	var f File
	if err := r.yaml(path.Base(name), &f); err != nil {
		return nil, err
	}
	m, err := r.model(f)
	if err != nil {
		return nil, err
	}
	rules, _, err := m.Compile(condition.Config{Inline: true})
	if err != nil {
		return nil, err
	}
	common, err := r.tuples(f.Tuples, append(f.TupleFiles, f.TupleFile))
	if err != nil {
		return nil, err
	}
	for _, t := range f.Tests {
		own, err := r.tuples(t.Tuples, append(t.TupleFiles, t.TupleFile))
		if err != nil {
			return nil, err
		}
		if err := r.test(rules, t, append(slices.Clone(common), own...)); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

// MostQuestions bounds a file that comes from elsewhere.
const MostQuestions = 1000

// RunText is Run for a file that stands alone: one that names others is refused.
func (o Options) RunText(ctx context.Context, text string) ([]Outcome, error) {
	return o.Run(ctx, alone(text), storeFile)
}

// alone is a folder with one file.
type alone string

const storeFile = "store.fga.yaml"

// ReadFile implements fs.ReadFileFS.
func (a alone) ReadFile(name string) ([]byte, error) {
	if name != storeFile {
		return nil, errs.New(errs.Invalid, "file_not_at_hand", "The file names another one, which is not at hand: put its content in its place.")
	}
	return []byte(a), nil
}

// Open implements fs.FS.
func (a alone) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

type runner struct {
	Options
	ctx  context.Context
	dir  fs.FS
	base string
	out  []Outcome

	name string // of the test at hand
	view graph.View
}

// yaml reads a file beside the store file.
func (r *runner) yaml(name string, out any) error {
	text, err := fs.ReadFile(r.dir, path.Join(r.base, name))
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(out); err != nil {
		where := ""
		if m := faultyLine.FindStringSubmatch(err.Error()); m != nil {
			where = ": line " + m[1] + " has not the form of a store file"
		}
		return errs.Wrap(errs.Invalid, err, "invalid_store_file", "The file %s cannot be read%s.", name, where)
	}
	return nil
}

// faultyLine finds the line in an error of the YAML reader, whose own text repeats what was written.
var faultyLine = regexp.MustCompile(`\bline (\d+):`)

func (r *runner) model(f File) (*model.Model, error) {
	switch {
	case f.ModelFile == "" && f.Model == "" && r.Model != nil:
		return r.Model, nil
	case f.ModelFile == "":
		return builtin.Parse(f.Model)
	}
	text, err := fs.ReadFile(r.dir, path.Join(r.base, f.ModelFile))
	if err != nil {
		return nil, err
	}
	switch path.Ext(f.ModelFile) {
	case ".json":
		return model.ParseJSON(text)
	case ".mod":
		return model.Modules(string(text), func(name string) ([]byte, error) {
			return fs.ReadFile(r.dir, path.Join(r.base, path.Dir(f.ModelFile), name))
		})
	}
	return builtin.Parse(string(text))
}

func (r *runner) tuples(all []Tuple, files []string) ([]graph.Tuple, error) {
	for _, name := range files {
		if name == "" {
			continue
		}
		var more []Tuple
		if err := r.yaml(name, &more); err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	out := make([]graph.Tuple, len(all))
	for i, t := range all {
		k := tuplekey.Key{User: t.User, Relation: t.Relation, Object: t.Object}
		if t.Condition != nil {
			given, err := json.Marshal(t.Condition.Context)
			if err != nil {
				return nil, errs.Wrap(errs.Invalid, err, "invalid_store_file", "A context is no JSON object.")
			}
			k.Condition = &tuplekey.Condition{Name: t.Condition.Name, Context: given}
		}
		var err error
		if out[i], err = k.Tuple(); err != nil {
			return nil, about(fmt.Sprintf("(%s, %s, %s)", t.User, t.Relation, t.Object), err)
		}
	}
	return out, nil
}

// about says which tuple an error is about.
func about(tuple string, err error) error {
	told := *errs.From(err)
	told.Text = "The tuple " + tuple + " does not fit. " + told.Text
	return &told
}

func (r *runner) test(rules *graph.Model, t Test, tuples []graph.Tuple) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	for _, tu := range tuples {
		if err := rules.Accepts(tu); err != nil {
			return about(tu.String(), err)
		}
	}
	g := graph.New(rules, graph.Limits{})
	if err := g.Load(1, graph.All(tuples...)); err != nil {
		return err
	}
	r.name, r.view = t.Name, g.View()
	for _, c := range t.Check {
		if err := r.check(c); err != nil {
			return err
		}
	}
	for _, l := range t.ListObjects {
		if err := r.objects(l); err != nil {
			return err
		}
	}
	for _, l := range t.ListUsers {
		if err := r.users(l); err != nil {
			return err
		}
	}
	return nil
}

// note keeps an outcome. One too many ends the file.
func (r *runner) note(question, want, got string) error {
	if r.Most > 0 && len(r.out) == r.Most {
		return errs.New(errs.Invalid, "too_many_questions", "At most %d questions can be asked at once.", r.Most)
	}
	r.out = append(r.out, Outcome{Test: r.name, Question: question, Want: want, Got: got, Passed: want == got})
	return r.ctx.Err()
}

// given is a context in the words of conditions.
func given(c map[string]any) (map[string]any, error) {
	if len(c) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "invalid_store_file", "A context is no JSON object.")
	}
	return tuplekey.Context(text)
}

// several is one or many.
func several(one string, many []string) []string {
	if one != "" {
		return append([]string{one}, many...)
	}
	return many
}

func (r *runner) check(c Check) error {
	known, err := given(c.Context)
	if err != nil {
		return err
	}
	users, objects := several(c.User, c.Users), several(c.Object, c.Objects)
	if len(users) == 0 || len(objects) == 0 {
		return asksNothing(r.name, "check", "user and object")
	}
	for _, user := range users {
		for _, object := range objects {
			for _, relation := range slices.Sorted(maps.Keys(c.Assertions)) {
				q, err := tuplekey.Key{User: user, Relation: relation, Object: object}.Question()
				if err != nil {
					return err
				}
				result, err := r.view.Check(r.ctx, r.Now, graph.Query{Object: q.Object, Relation: q.Relation, Subject: q.Subject, Context: known})
				got := fmt.Sprint(result.Allowed)
				switch {
				case err != nil:
					got = errs.From(err).Text
				case len(result.Missing) > 0:
					got = "depends on " + strings.Join(result.Missing, ", ")
				}
				if err := r.note(user+" "+relation+" "+object, fmt.Sprint(c.Assertions[relation]), got); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *runner) objects(l ListObjects) error {
	known, err := given(l.Context)
	if err != nil {
		return err
	}
	s, err := tuplekey.ParseSubject(l.User)
	if err != nil {
		return err
	}
	for _, relation := range slices.Sorted(maps.Keys(l.Assertions)) {
		list, err := r.view.Objects(r.ctx, r.Now, graph.ObjectsQuery{Type: l.Type, Relation: relation, Subject: s, Context: known, Limit: everything})
		for i, id := range list.IDs {
			list.IDs[i] = l.Type + ":" + id
		}
		if err := r.note("objects of type "+l.Type+" that "+l.User+" is "+relation+" of", set(l.Assertions[relation]), answer(list, list.IDs, err)); err != nil {
			return err
		}
	}
	return nil
}

// asksNothing refuses a question that nobody would ever answer wrongly.
func asksNothing(test, question, missing string) error {
	return errs.New(errs.Invalid, "invalid_store_file", "A %s of the test %q asks nothing: it needs %s.", question, test, missing)
}

// everything is the size of a page that holds all.
const everything = 1 << 30

func (r *runner) users(l ListUsers) error {
	known, err := given(l.Context)
	if err != nil {
		return err
	}
	o, err := tuplekey.ParseObject(l.Object)
	if err != nil {
		return err
	}
	if len(l.Filters) == 0 {
		return asksNothing(r.name, "list_users", "user_filter")
	}
	for _, relation := range slices.Sorted(maps.Keys(l.Assertions)) {
		for _, f := range l.Filters {
			list, err := r.view.Subjects(r.ctx, r.Now, graph.SubjectsQuery{
				Object: o, Relation: relation, Type: f.Type, SubjectRelation: f.Relation, Context: known, Limit: everything, Named: true,
			})
			var got []string
			if list.Everyone {
				got = append(got, f.Type+":*")
			}
			for _, id := range list.IDs {
				got = append(got, tuplekey.Subject(graph.Subject{Type: f.Type, ID: id, Relation: f.Relation}))
			}
			if err := r.note("users of type "+f.Type+" that are "+relation+" of "+l.Object, set(l.Assertions[relation].Users), answer(list, got, err)); err != nil {
				return err
			}
		}
	}
	return nil
}

func answer(list graph.List, got []string, err error) string {
	switch {
	case err != nil:
		return errs.From(err).Text
	case len(list.Missing) > 0:
		return "depends on " + strings.Join(list.Missing, ", ")
	}
	return set(got)
}

func set(all []string) string {
	all = slices.Clone(all)
	slices.Sort(all)
	return "[" + strings.Join(slices.Compact(all), " ") + "]"
}
