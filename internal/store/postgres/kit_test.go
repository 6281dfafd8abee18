package postgres_test

import (
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

const here id.Tenant = "here"

// note is the document of these tests.
type note struct {
	store.Meta
	Text string `json:"text"`
}

func noteKind() store.Kind[note] {
	return store.Kind[note]{
		Name: "note", Noun: "note",
		KeepAbsence: true,
		Meta:        func(n *note) *store.Meta { return &n.Meta },
		Columns:     []store.ColumnOf[note]{{Name: "text", Kind: store.TextKind, Of: func(n *note) store.Value { return store.TextOrNone(n.Text) }}},
		Indexes:     []store.Index{{Name: "by_text", Columns: []string{"text"}}},
	}
}

func viewer(docID string) store.Tuple {
	return store.Tuple{
		Object: store.ObjectRef{Type: "note", ID: docID}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: "1"},
	}
}
