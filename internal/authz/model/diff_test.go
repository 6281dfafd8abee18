package model_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cardea-auth/cardea/internal/authz/model"
)

const before = `model
  schema 1.1
type user
type team
  relations
    define member: [user]
type doc
  relations
    define owner: [user]
    define editor: [user, user with weekday] or owner
    define viewer: [user, user:*, team#member]
    define old: [user]
    define was_direct: [user]
    define same: owner
type gone
  relations
    define a: [user]
condition weekday(day: int, zone: string) {
  day < 6
}
condition dropped(x: int) {
  x > 1
}
`

const after = `model
  schema 1.2
type user
type team
  relations
    define member: [user]
type folder
  relations
    define viewer: [user]
type doc
  relations
    define same: owner
    define owner: [user]
    define editor: [user, user with weekday] or owner
    define viewer: [user, team#member] or editor
    define was_direct: owner
    define fresh: [user]
condition weekday(day: int) {
  day < 5
}
condition added(x: int) {
  x > 1
}
`

const difference = `~ schema
    - 1.1
    + 1.2
~ doc#viewer
    - [user, user:*, team#member]
    + [user, team#member] or editor
    no longer fit: doc#viewer@user:*
- doc#old
    - [user]
    no longer fit: doc#old
~ doc#was_direct
    - [user]
    + owner
    no longer fit: doc#was_direct
+ doc#fresh
    + [user]
- gone
    - type gone
    -   relations
    -     define a: [user]
    no longer fit: gone
+ folder
    + type folder
    +   relations
    +     define viewer: [user]
~ condition weekday
    - condition weekday(day: int, zone: string) {
    -   day < 6
    - }
    + condition weekday(day: int) {
    +   day < 5
    + }
    no longer fit: doc#editor@user with weekday
- condition dropped
    - condition dropped(x: int) {
    -   x > 1
    - }
+ condition added
    + condition added(x: int) {
    +   x > 1
    + }
`

func TestCompare(t *testing.T) {
	t.Parallel()
	d := model.Compare(parse(t, before), parse(t, after))
	if diff := cmp.Diff(difference, d.String()); diff != "" {
		t.Error(diff)
	}
	want := []model.Orphan{
		{Type: "doc", Relation: "viewer", Subject: "user:*"}, {Type: "doc", Relation: "old"}, {Type: "doc", Relation: "was_direct"},
		{Type: "gone"}, {Type: "doc", Relation: "editor", Subject: "user with weekday"},
	}
	if diff := cmp.Diff(want, d.Orphans()); diff != "" {
		t.Error(diff)
	}
	if back := model.Compare(parse(t, after), parse(t, before)); len(back) != len(d) {
		t.Errorf("there %d changes, back %d", len(d), len(back))
	}
}

// TestOrphans: what Compare says no longer fits is what the later model refuses, and nothing else.
func TestOrphans(t *testing.T) {
	t.Parallel()
	rules, _, err := parse(t, after).Compile(all)
	if err != nil {
		t.Fatal(err)
	}
	for text, fits := range map[string]bool{
		"doc:1#owner@user:anne": true, "doc:1#viewer@team:a#member": true, "doc:1#viewer@user:*": false,
		"doc:1#old@user:anne": false, "doc:1#was_direct@user:anne": false, "gone:1#a@user:anne": false,
	} {
		if err := rules.Accepts(tuple(t, text)); (err == nil) != fits {
			t.Errorf("%s: %v", text, err)
		}
	}
}
