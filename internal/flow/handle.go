package flow

import (
	"context"
	"crypto/rand"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/opaque"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
)

// Handles keeps flows: in a sealed handle until something was proved, in a document afterwards.
type Handles struct {
	db     *store.DB
	sealer store.Sealer
	flows  *store.Collection[document]
}

// NewHandles declares flows to db.
func NewHandles(db *store.DB, sealer store.Sealer) *Handles {
	return &Handles{db: db, sealer: sealer, flows: store.NewCollection(db, store.Kind[document]{
		Name: "flow", Noun: "flow",
		Meta:   func(d *document) *store.Meta { return &d.Meta },
		Sealed: []store.SealedField[document]{{Name: "state", Of: func(d *document) *secret.Value { return &d.Sealed }}},
	})}
}

// document is a flow with at least one proof. Its id is the hash of the handle; a flow that ended is
// kept as spent until it expires, so that a replayed handle cannot go on. The state is sealed at
// rest: it says who is signing in, and how.
type document struct {
	store.Meta
	Sealed secret.Value `json:"-"` // JSON of the State
	Spent  bool         `json:"spent,omitzero"`
}

// live is a flow as it was found behind a handle.
type live struct {
	handle string
	state  State
	doc    *document // nil while the flow is only a sealed handle
}

// The first byte of a handle's payload says what the rest is.
const (
	sealedForm   = 's' // a sealed State
	documentForm = 'd' // 32 random bytes
)

// errGone is the one answer to a handle that is forged, foreign, spent or too old.
func errGone() error {
	return errs.New(errs.NotFound, "flow_expired", "This page is too old; start again.")
}

func (h *Handles) place(t id.Tenant) []byte { return []byte("cardea flow handle\x00" + string(t)) }

func (h *Handles) seal(ctx context.Context, s State) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", errs.Bad("body", "is not valid UTF-8")
	}
	box, err := h.sealer.Seal(ctx, s.Tenant, h.place(s.Tenant), plain)
	if err != nil {
		return "", errs.Busy(0, err, "sealing_unavailable", "Secrets could not be sealed just now.")
	}
	return opaque.With(opaque.Flow, append([]byte{sealedForm}, box...)), nil
}

// open finds the flow behind a handle.
func (h *Handles) open(ctx context.Context, t id.Tenant, handle string) (live, error) {
	payload, ok := opaque.Payload(opaque.Flow, handle)
	if !ok || len(payload) < 2 {
		return live{}, errGone()
	}
	found := live{handle: handle}
	switch payload[0] {
	case sealedForm:
		plain, err := h.sealer.Open(ctx, t, h.place(t), payload[1:])
		if err != nil || json.Unmarshal(plain, &found.state) != nil {
			return live{}, errGone()
		}
	case documentForm:
		doc, err := h.flows.In(t).Get(ctx, opaque.Hash(handle))
		if errs.Is(err, errs.NotFound) {
			return live{}, errGone()
		}
		if err != nil {
			return live{}, err
		}
		if doc.Spent || json.Unmarshal([]byte(doc.Sealed.Reveal()), &found.state) != nil {
			return live{}, errGone()
		}
		found.doc = doc
	default:
		return live{}, errGone()
	}
	if found.state.Tenant != t || h.db.Now().After(found.state.Started.Add(Life)) {
		return live{}, errGone()
	}
	return found, nil
}

// save is the part of a batch that keeps s, and the handle under which it is found.
func (h *Handles) save(ctx context.Context, l live, s State) (string, part, error) {
	state, err := json.Marshal(s)
	if err != nil {
		return "", nil, errs.Bad("body", "is not valid UTF-8")
	}
	if l.doc != nil {
		doc := *l.doc
		doc.Sealed = secret.New(string(state))
		return l.handle, change(func() store.DocOp { return h.flows.In(s.Tenant).Replace(ctx, &doc) }), nil
	}
	payload := make([]byte, 33)
	payload[0] = documentForm
	rand.Read(payload[1:])
	handle := opaque.With(opaque.Flow, payload)
	doc := &document{Meta: store.Meta{ID: opaque.Hash(handle), Expires: s.Started.Add(Life)}, Sealed: secret.New(string(state))}
	return handle, change(func() store.DocOp { return h.flows.In(s.Tenant).Insert(ctx, doc) }), nil
}

// end is the part of a batch that spends a stored flow; nil for a sealed handle, which proves nothing.
func (h *Handles) end(l live) part {
	if l.doc == nil {
		return nil
	}
	doc := *l.doc
	doc.Spent = true
	return func(ctx context.Context) (Change, error) {
		op := h.flows.In(l.state.Tenant).Replace(ctx, &doc)
		return Change{Action: "flow.advance", Batch: store.Batch{Docs: []store.DocOp{op}}}, nil
	}
}

func change(op func() store.DocOp) part {
	return func(context.Context) (Change, error) {
		return Change{Action: "flow.advance", Batch: store.Batch{Docs: []store.DocOp{op()}}}, nil
	}
}
