package model_test

import (
	"fmt"

	"github.com/cardea-auth/cardea/internal/authz/condition"
	"github.com/cardea-auth/cardea/internal/authz/graph"
	"github.com/cardea-auth/cardea/internal/authz/model"
)

func Example() {
	m, err := model.Parse(`
model
  schema 1.1

type user

type document
  relations
    define owner: [user]
    define viewer: [user, user:*] or owner
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, _, err := m.Compile(condition.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(graph.New(rules, graph.Limits{}).View().Revision(), rules.Allowed("document", "viewer"))
	// Output: 0 [user user:*]
}

func ExampleModel_Check() {
	m, err := model.Parse("model\n  schema 1.1\ntype user\ntype document\n  relations\n    define viewer: [usr]\n")
	if err == nil {
		err = m.Check()
	}
	for _, d := range model.Diagnostics(err) {
		fmt.Println(d.At.Line, d.At.Column, d.Code, d.Text, d.Hint)
	}
	// Output: 6 21 undefined_type There is no type usr. Perhaps user is meant.
}

func ExampleCompare() {
	text := "model\n  schema 1.1\ntype user\ntype document\n  relations\n    define viewer: [user%s]\n"
	before, err := model.Parse(fmt.Sprintf(text, ", user:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	after, err := model.Parse(fmt.Sprintf(text, ""))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(model.Compare(before, after))
	// Output:
	// ~ document#viewer
	//     - [user, user:*]
	//     + [user]
	//     no longer fit: document#viewer@user:*
}
