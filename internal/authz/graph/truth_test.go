package graph_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/google/go-cmp/cmp"
)

// TestTruths runs testdata/truths: facts and what follows from them, one statement a line. Every
// statement is put to a graph that was changed step by step, to one loaded with the same tuples,
// and to that one working from the object's side.
//
//	model NAME                        one of named below
//	add TUPLE [until DURATION]        write, expiring that long after the start
//	remove TUPLE
//	at DURATION                       the clock is that long after the start
//	allow|deny SUBJECT RELATION OBJECT
//	path SUBJECT RELATION OBJECT = TUPLE...
//	objects SUBJECT TYPE RELATION = ID...
//	subjects OBJECT RELATION TYPE[#RELATION] = ID... [+ everyone]
//	entries OBJECT RELATION = SUBJECT...
//	refused TUPLE : TEXT              the model does not accept it and says so
func TestTruths(t *testing.T) {
	files, err := filepath.Glob("testdata/truths/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no truths", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := story{t: t, now: now, stored: map[string]graph.Tuple{}}
			for i, line := range strings.Split(string(text), "\n") {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					s.at = fmt.Sprintf("%s:%d: %s", file, i+1, line)
					s.line(line)
				}
			}
		})
	}
}

func named(name string) []graph.Type {
	rel := func(name string, w graph.Rewrite) graph.Relation { return graph.Relation{Name: name, Rewrite: w} }
	plain := func(names ...string) (out []graph.Type) {
		for _, n := range names {
			out = append(out, graph.Type{Name: n})
		}
		return out
	}
	team := graph.Type{Name: "team", Relations: []graph.Relation{rel("member", graph.This("user", "team#member"))}}
	switch name {
	case "rbac":
		return append(plain("user", "service"),
			graph.Type{Name: "group", Relations: []graph.Relation{rel("member", graph.This("user", "service", "group#member"))}},
			graph.Type{Name: "role", Relations: []graph.Relation{rel("assignee", graph.This("user", "service", "group#member", "role#assignee"))}},
			graph.Type{Name: "org", Relations: []graph.Relation{
				rel("admin", graph.This("user")),
				rel("member", graph.Union(graph.This("user", "service", "group#member"), graph.Computed("admin"))),
			}},
			graph.Type{Name: "org_role", Relations: []graph.Relation{rel("assignee", graph.This("user", "service", "group#member", "org_role#assignee"))}},
			graph.Type{Name: "permission", Relations: []graph.Relation{rel("granted", graph.This("role#assignee"))}})
	case "rebac":
		return append(plain("user"), team,
			graph.Type{Name: "folder", Relations: []graph.Relation{
				rel("parent", graph.This("folder")), rel("viewer", graph.This("user", "team#member")),
				rel("view", graph.Union(graph.Computed("viewer"), graph.From("parent", "view"))),
			}},
			graph.Type{Name: "doc", Relations: []graph.Relation{
				rel("parent", graph.This("folder")), rel("owner", graph.This("user")), rel("editor", graph.This("user", "team#member")),
				rel("view", graph.Union(graph.Computed("owner"), graph.Computed("editor"), graph.From("parent", "view"))),
			}})
	case "acl":
		doc := graph.Type{Name: "doc"}
		for _, p := range []string{"read", "write", "delete", "share"} {
			doc.Relations = append(doc.Relations, rel(p, graph.This("user", "team#member")))
		}
		return append(plain("user"), team, doc)
	}
	return append(plain("user", "bot"),
		graph.Type{Name: "group", Relations: []graph.Relation{rel("member", graph.This("user", "group#member"))}},
		graph.Type{Name: "notary", Relations: []graph.Relation{rel("holder", graph.This("user"))}},
		graph.Type{Name: "doc", Relations: []graph.Relation{
			rel("desk", graph.This("notary")),
			rel("viewer", graph.This("user", "user:*", "group#member")), rel("blocked", graph.This("user", "user:*", "group#member")),
			rel("read", graph.Exclusion(graph.Computed("viewer"), graph.Computed("blocked"))),
			rel("shelf", graph.This("doc")),
			rel("see", graph.Union(graph.Exclusion(graph.Computed("viewer"), graph.Computed("blocked")), graph.From("shelf", "see"))),
			rel("sign", graph.Intersection(graph.From("desk", "holder"), graph.Computed("read"))),
		}})
}

type story struct {
	t      *testing.T
	at     string
	now    time.Time
	model  *graph.Model
	grown  *graph.Graph
	stored map[string]graph.Tuple
}

func (s *story) line(line string) {
	head, tail, _ := strings.Cut(line, " = ")
	head = strings.TrimSuffix(head, " =")
	word, rest, _ := strings.Cut(head, " ")
	args, want := strings.Fields(rest), strings.Fields(tail)
	switch word {
	case "model":
		m, err := graph.NewModel(named(args[0])...)
		s.check(err)
		s.model, s.grown = m, graph.New(m, graph.Limits{})
	case "add", "remove":
		s.change(word == "remove", args)
	case "at":
		d, err := time.ParseDuration(args[0])
		s.check(err)
		s.now = now.Add(d)
	case "refused":
		tuple, reason, _ := strings.Cut(rest, " : ")
		if err := s.model.Accepts(s.tuple(tuple)); err == nil || !strings.Contains(err.Error(), reason) {
			s.t.Errorf("%s\ngot %v", s.at, err)
		}
	default:
		for _, g := range s.graphs() {
			s.same(want, s.ask(g, word, args))
		}
	}
}

func (s *story) ask(g *graph.Graph, word string, args []string) []string {
	ctx := context.Background()
	switch word {
	case "allow", "deny", "path":
		got, err := g.Check(ctx, s.now, graph.Query{Subject: s.subject(args[0]), Relation: args[1], Object: s.object(args[2]), Explain: word == "path"})
		s.check(err)
		if got.Allowed != (word != "deny") {
			s.t.Errorf("%s\ngot %v", s.at, got)
		}
		return texts(got.Path)
	case "objects":
		got, err := g.Objects(ctx, s.now, graph.ObjectsQuery{Subject: s.subject(args[0]), Type: args[1], Relation: args[2]})
		s.check(err)
		return got.IDs
	case "subjects":
		kind, relation, _ := strings.Cut(args[2], "#")
		got, err := g.Subjects(ctx, s.now, graph.SubjectsQuery{Object: s.object(args[0]), Relation: args[1], Type: kind, SubjectRelation: relation})
		s.check(err)
		if got.Everyone {
			return append(got.IDs, "+", "everyone")
		}
		return got.IDs
	case "entries":
		got, err := g.View().Expand(ctx, s.now, graph.ExpandQuery{Object: s.object(args[0]), Relation: args[1]})
		s.check(err)
		return slices.Sorted(slices.Values(texts(got.Tree.Subjects)))
	}
	s.t.Fatalf("%s\nunknown word", s.at)
	return nil
}

func texts[T fmt.Stringer](in []T) (out []string) {
	for _, v := range in {
		out = append(out, v.String())
	}
	return out
}

func (s *story) change(remove bool, args []string) {
	t := s.tuple(args[0])
	if len(args) == 3 {
		d, err := time.ParseDuration(args[2])
		s.check(err)
		t.Expires = now.Add(d)
	}
	s.check(s.model.Accepts(t))
	s.check(s.grown.Apply(s.grown.Revision()+1, []graph.Change{{Tuple: t, Delete: remove}}))
	if s.stored[args[0]] = t; remove {
		delete(s.stored, args[0])
	}
}

func (s *story) graphs() []*graph.Graph {
	fresh := graph.New(s.model, graph.Limits{})
	var tuples []graph.Tuple
	for _, key := range sortedKeys(s.stored) {
		tuples = append(tuples, s.stored[key])
	}
	s.check(fresh.Load(1, graph.All(tuples...)))
	return []*graph.Graph{s.grown, fresh, graph.WithoutGroups(fresh)}
}

func (s *story) same(want, got []string) {
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		s.t.Errorf("%s\n%s", s.at, diff)
	}
}

func (s *story) check(err error) {
	if err != nil {
		s.t.Fatalf("%s\n%v", s.at, err)
	}
}

func (s *story) tuple(text string) graph.Tuple {
	t, err := graph.ParseTuple(text)
	s.check(err)
	return t
}
func (s *story) object(text string) graph.Object {
	o, err := graph.ParseObject(text)
	s.check(err)
	return o
}
func (s *story) subject(text string) graph.Subject {
	v, err := graph.ParseSubject(text)
	s.check(err)
	return v
}
