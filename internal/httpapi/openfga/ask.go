package openfga

import (
	"bytes"
	"encoding/base64"
	"math"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/stores"
	"github.com/cardea-auth/cardea/internal/authz/tuplekey"
	"github.com/cardea-auth/cardea/internal/httpapi/edge"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// TupleQuestion is a tuple that may be so or not.
type TupleQuestion struct {
	User     string `json:"user"`
	Relation string `json:"relation"`
	Object   string `json:"object"`
}

func (q TupleQuestion) parse() (graph.Question, error) {
	return tuplekey.Key{User: q.User, Relation: q.Relation, Object: q.Object}.Question()
}

// Brought is what a request brings besides its question.
type Brought struct {
	Contextual Contextual     `json:"contextual_tuples,omitzero"`
	Context    jsontext.Value `json:"context,omitzero" doc:"values for parameters of conditions"`
}

// Contextual are tuples that hold for one question only.
type Contextual struct {
	Keys []tuplekey.Key `json:"tuple_keys" max:"1000"`
}

// contextual reads the tuples that a request brings.
func contextual(keys []tuplekey.Key) ([]graph.Tuple, error) {
	out, err := tuplekey.Tuples(keys)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "invalid_contextual_tuple", "A tuple that the question brings is refused: %s", errs.From(err).Text)
	}
	return out, nil
}

func (b Brought) parse() (tuples []graph.Tuple, given map[string]any, err error) {
	if len(b.Contextual.Keys) > 0 {
		if tuples, err = contextual(b.Contextual.Keys); err != nil {
			return nil, nil, err
		}
	}
	if len(b.Context) > 0 {
		given, err = tuplekey.Context(b.Context)
	}
	return tuples, given, err
}

// Of says by which model, and how new.
type Of struct {
	Model       string      `json:"authorization_model_id,omitzero" max:"64" doc:"left out: the one that is used"`
	Consistency Consistency `json:"consistency,omitzero" enum:"UNSPECIFIED,MINIMIZE_LATENCY,HIGHER_CONSISTENCY"`
}

// Check asks one question.
type Check struct {
	Key TupleQuestion `json:"tuple_key"`
	Of
	Brought
	Trace bool `json:"trace,omitzero" doc:"put the tuples that prove it into resolution; needs authz.tuple.read"`
}

// Checked is the answer.
type Checked struct {
	Allowed    bool   `json:"allowed"`
	Resolution string `json:"resolution"`
}

// The two answers, written once.
var (
	allowedBody = []byte(`{"allowed":true,"resolution":""}`)
	deniedBody  = []byte(`{"allowed":false,"resolution":""}`)
)

func (d *Door) query(x *edge.Exchange, in Check) (stores.At, graph.Query, error) {
	a, err := at(x, in.Model, in.Consistency)
	if err != nil {
		return a, graph.Query{}, err
	}
	q, err := in.Key.parse()
	if err != nil {
		return a, graph.Query{}, err
	}
	out := graph.Query{Object: q.Object, Relation: q.Relation, Subject: q.Subject}
	out.Contextual, out.Context, err = in.Brought.parse()
	return a, out, err
}

func (d *Door) check(x *edge.Exchange, c access.Caller) error {
	var in Check
	if err := parse(x, &in); err != nil {
		return err
	}
	a, q, err := d.query(x, in)
	if err != nil {
		return err
	}
	if in.Trace {
		return d.trace(x, c, a, q, in.Context)
	}
	result, on, err := d.Decider.Check(x.R.Context(), c, a, q)
	if err == nil {
		err = unknown(result.Missing)
	}
	if err != nil {
		return err
	}
	d.answered(x, c, q, in.Context, result.Allowed, on)
	asked(x, on.Revision)
	body := deniedBody
	if result.Allowed {
		body = allowedBody
	}
	return x.Bytes(http.StatusOK, "application/json", body)
}

// answered counts an answer and offers it to the decision log.
func (d *Door) answered(x *edge.Exchange, c access.Caller, q graph.Query, given jsontext.Value, allowed bool, on stores.Asked) {
	d.count(c, allowed)
	if d.Checked == nil {
		return
	}
	d.Checked(x.R.Context(), c, authz.Checked{
		InStore:  authz.InStore{Store: storeID(x), Contextual: q.Contextual, Context: given},
		Question: graph.Question{Object: q.Object, Relation: q.Relation, Subject: q.Subject},
		Answer:   authz.StoreAnswer{Allowed: allowed, Model: on.Model, Revision: on.Revision, Own: on.Own},
	})
}

func (d *Door) count(c access.Caller, allowed bool) {
	if d.Activity != nil {
		d.Activity(c, allowed)
	}
}

// unknown refuses to answer where an answer rests on parameters that nobody gave: it would be a deny
// that a repetition of the question with them might turn.
func unknown(missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return errs.New(errs.Invalid, "context_missing", "The answer depends on parameters of conditions that the question does not give: %s.", strings.Join(missing, ", "))
}

// trace answers a check with the tuples that prove it.
func (d *Door) trace(x *edge.Exchange, c access.Caller, a stores.At, q graph.Query, given jsontext.Value) error {
	e, on, err := d.Decider.Explain(x.R.Context(), c, a, q)
	if err == nil {
		err = unknown(e.Missing)
	}
	if err != nil {
		return err
	}
	d.answered(x, c, q, given, e.Allowed, on)
	asked(x, on.Revision)
	out := Checked{Allowed: e.Allowed, Resolution: e.Sentence}
	for _, t := range e.Path {
		out.Resolution += "\n" + t.String()
	}
	return ok(x, out)
}

// Explained is an answer with its reason.
type Explained struct {
	Allowed   bool           `json:"allowed"`
	Reason    string         `json:"reason" doc:"one sentence"`
	Path      []tuplekey.Key `json:"path,omitempty" doc:"tuples that together prove it"`
	Missing   []string       `json:"missing,omitempty" doc:"parameters of conditions on which the answer depends"`
	Remedies  []Remedy       `json:"remedies,omitempty" doc:"sets of changes each of which would allow it, the smallest first"`
	Truncated bool           `json:"truncated,omitzero" doc:"there may be other remedies"`
}

// Remedy is a set of changes that together would allow.
type Remedy struct {
	Write  []tuplekey.Key `json:"write,omitempty"`
	Delete []tuplekey.Key `json:"delete,omitempty"`
	Meet   []Unmet        `json:"meet,omitempty" doc:"conditions that would have to hold"`
}

// Unmet is a condition that stands in the way.
type Unmet struct {
	Tuple   tuplekey.Key `json:"tuple"`
	Missing []string     `json:"missing,omitempty" doc:"the parameters that it lacks"`
}

func spell(tuples []graph.Tuple) []tuplekey.Key {
	var out []tuplekey.Key
	for _, t := range tuples {
		out = append(out, tuplekey.Of(t))
	}
	return out
}

func (d *Door) explain(x *edge.Exchange, c access.Caller) error {
	var in Check
	if err := parse(x, &in); err != nil {
		return err
	}
	a, q, err := d.query(x, in)
	if err != nil {
		return err
	}
	e, on, err := d.Decider.Explain(x.R.Context(), c, a, q)
	if err != nil {
		return err
	}
	asked(x, on.Revision)
	return ok(x, ShowExplanation(e))
}

// ShowExplanation is an explanation as it is sent.
func ShowExplanation(e stores.Explanation) Explained {
	out := Explained{Allowed: e.Allowed, Reason: e.Sentence, Path: spell(e.Path), Missing: e.Missing, Truncated: e.Truncated}
	for _, r := range e.Remedies {
		one := Remedy{Write: spell(r.Write), Delete: spell(r.Delete)}
		for _, u := range r.Meet {
			one.Meet = append(one.Meet, Unmet{tuplekey.Of(u.Tuple), u.Missing})
		}
		out.Remedies = append(out.Remedies, one)
	}
	return out
}

// ListObjects asks for the objects of a type.
type ListObjects struct {
	Type     string `json:"type"`
	Relation string `json:"relation"`
	User     string `json:"user"`
	Of
	Brought
	Paging
}

// Paging cuts a list; OpenFGA has no pages here. Left out, the whole list is answered.
type Paging struct {
	Size  int    `json:"page_size,omitzero" max:"10000" doc:"left out: all of it; not in OpenFGA"`
	Token string `json:"continuation_token,omitzero" max:"4096"`
}

// maxListed bounds a page of a list.
const maxListed = 10_000

// cut is the limit and the place to begin.
func (p Paging) cut() (limit int, after string, err error) {
	if limit, err = pageSize(p.Size, maxListed); limit == 0 {
		limit = math.MaxInt
	}
	last, failed := base64.RawURLEncoding.Strict().DecodeString(p.Token)
	if failed != nil {
		return 0, "", errs.New(errs.Invalid, "invalid_cursor", "The cursor does not belong to this list.")
	}
	return limit, string(last), err
}

func token(next string) string { return base64.RawURLEncoding.EncodeToString([]byte(next)) }

// ObjectList are objects.
type ObjectList struct {
	Objects []string `json:"objects"`
	Next    string   `json:"continuation_token,omitzero" doc:"where to go on, if there are more"`
}

func (d *Door) objects(x *edge.Exchange, c access.Caller) (ObjectList, error) {
	var in ListObjects
	if err := parse(x, &in); err != nil {
		return ObjectList{}, err
	}
	a, err := at(x, in.Model, in.Consistency)
	if err != nil {
		return ObjectList{}, err
	}
	s, err := tuplekey.ParseSubject(in.User)
	if err != nil {
		return ObjectList{}, err
	}
	q := graph.ObjectsQuery{Type: in.Type, Relation: in.Relation, Subject: s}
	if q.Contextual, q.Context, err = in.Brought.parse(); err != nil {
		return ObjectList{}, err
	}
	if q.Limit, q.After, err = in.Paging.cut(); err != nil {
		return ObjectList{}, err
	}
	list, on, err := d.Decider.Objects(x.R.Context(), c, a, q)
	if err == nil {
		err = unknown(list.Missing)
	}
	if err != nil {
		return ObjectList{}, err
	}
	asked(x, on.Revision)
	return ObjectList{Objects: spellObjects(in.Type, list.IDs), Next: token(list.Next)}, nil
}

// spellObjects spells objects of a type, all in one text: a list may have thousands.
func spellObjects(kind string, ids []string) []string {
	out, size := make([]string, len(ids)), 0
	for _, id := range ids {
		size += len(kind) + 1 + len(id)
	}
	var all strings.Builder
	all.Grow(size)
	for i, id := range ids {
		begin := all.Len()
		all.WriteString(kind)
		all.WriteByte(':')
		all.WriteString(id)
		out[i] = all.String()[begin:]
	}
	return out
}

func (d *Door) listObjects(x *edge.Exchange, c access.Caller) error {
	list, err := d.objects(x, c)
	if err != nil {
		return err
	}
	return ok(x, list)
}

// Streamed is one line of a stream.
type Streamed struct {
	Result StreamedObject `json:"result"`
}

// StreamedObject is an object of a stream.
type StreamedObject struct {
	Object string `json:"object"`
}

// streamObjects answers one line for each object. The list is complete before the first line is sent,
// so that an error is never half an answer.
func (d *Door) streamObjects(x *edge.Exchange, c access.Caller) error {
	list, err := d.objects(x, c)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, o := range list.Objects {
		line, err := json.Marshal(Streamed{StreamedObject{o}})
		if err != nil {
			return err
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return x.Bytes(http.StatusOK, "application/json", b.Bytes())
}

// ListUsers asks for the users that have a relation to an object.
type ListUsers struct {
	Object     ObjectRef      `json:"object"`
	Relation   string         `json:"relation"`
	Filters    []UserFilter   `json:"user_filters" max:"1" doc:"exactly one"`
	Contextual []tuplekey.Key `json:"contextual_tuples,omitzero" max:"1000"`
	Context    jsontext.Value `json:"context,omitzero" doc:"values for parameters of conditions"`
	Of
	Paging
}

// ObjectRef is an object in two parts.
type ObjectRef struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// UserFilter says which users are meant: objects of a type, or with a relation sets of users.
type UserFilter struct {
	Type     string `json:"type"`
	Relation string `json:"relation,omitzero"`
}

// ListedUser is an object, a set of users, or everybody of a type.
type ListedUser struct {
	Object   *ObjectRef `json:"object,omitzero"`
	Userset  *Userset   `json:"userset,omitzero"`
	Wildcard *Wildcard  `json:"wildcard,omitzero"`
}

// Userset is whoever has a relation to an object.
type Userset struct {
	Type     string `json:"type"`
	ID       string `json:"id"`
	Relation string `json:"relation"`
}

// Wildcard is everybody of a type.
type Wildcard struct {
	Type string `json:"type"`
}

// UserList are users.
type UserList struct {
	Users []ListedUser `json:"users"`
	Next  string       `json:"continuation_token,omitzero" doc:"where to go on, if there are more"`
}

func (d *Door) listUsers(x *edge.Exchange, c access.Caller) error {
	var in ListUsers
	if err := parse(x, &in); err != nil {
		return err
	}
	a, err := at(x, in.Model, in.Consistency)
	if err != nil {
		return err
	}
	q, err := in.query()
	if err != nil {
		return err
	}
	list, on, err := d.Decider.Subjects(x.R.Context(), c, a, q)
	if err == nil {
		err = unknown(list.Missing)
	}
	if err != nil {
		return err
	}
	asked(x, on.Revision)
	out := UserList{Users: make([]ListedUser, 0, len(list.IDs)+1), Next: token(list.Next)}
	if list.Everyone && q.After == "" {
		out.Users = append(out.Users, ListedUser{Wildcard: &Wildcard{q.Type}})
	}
	for _, id := range list.IDs {
		if q.SubjectRelation != "" {
			out.Users = append(out.Users, ListedUser{Userset: &Userset{q.Type, id, q.SubjectRelation}})
		} else {
			out.Users = append(out.Users, ListedUser{Object: &ObjectRef{q.Type, id}})
		}
	}
	return ok(x, out)
}

func (in ListUsers) query() (q graph.SubjectsQuery, err error) {
	if len(in.Filters) != 1 {
		return q, errs.Bad("/user_filters", "must be exactly one")
	}
	o, err := tuplekey.ParseObject(in.Object.Type + ":" + in.Object.ID)
	if err != nil {
		return q, err
	}
	q = graph.SubjectsQuery{
		Object: o, Relation: in.Relation, Type: in.Filters[0].Type, SubjectRelation: in.Filters[0].Relation, Named: true,
	}
	brought := Brought{Contextual: Contextual{in.Contextual}, Context: in.Context}
	if q.Contextual, q.Context, err = brought.parse(); err != nil {
		return q, err
	}
	q.Limit, q.After, err = in.Paging.cut()
	return q, err
}
