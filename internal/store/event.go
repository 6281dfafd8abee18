package store

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Event is something that happened, as a domain reports it: who did it, when and from where are
// taken from the permit of the batch.
type Event struct {
	Kind     string            // noun.verb in the past: user.disabled
	Object   access.Object     // what it happened to
	Public   map[string]string // facts without personal data; sealed for ever
	Personal map[string]string // personal data; erasable without breaking the seal
	Person   string            // id of the user whose personal data it is; default: the acting user
}

// EventRecord is an event as it is stored. Audit numbers, seals and reads it.
type EventRecord struct {
	Meta
	Kind       string            `json:"kind"`
	At         time.Time         `json:"at"`
	ActorType  string            `json:"actor_type"`
	ActorID    string            `json:"actor_id"`
	ActorHome  string            `json:"actor_home,omitzero"`
	ObjectType string            `json:"object_type,omitzero"`
	ObjectID   string            `json:"object_id,omitzero"`
	Org        string            `json:"org,omitzero"`
	Client     string            `json:"client,omitzero"`
	Session    string            `json:"session,omitzero"`
	Request    string            `json:"request,omitzero"`
	Action     string            `json:"action,omitzero"`
	Reason     string            `json:"reason,omitzero"` // why the guard allowed it
	Because    string            `json:"because,omitzero"`
	Public     map[string]string `json:"public,omitzero"`
	Person     string            `json:"person,omitzero"`
	Personal   map[string]string `json:"personal,omitzero"` // with address and user agent; erasable
	Salt       string            `json:"salt"`              // random, so that hashes reveal nothing; erased with Personal
	Seq        int64             `json:"seq,omitzero"`      // number in the tenant's log from 1; 0 until sealed
	Digest     string            `json:"digest,omitzero"`   // hash of salt and Personal, set when sealed
}

// Collections that the store itself declares.
const (
	EventCollection  = "event"
	OutboxCollection = "outbox"
)

// Indexes of the events.
const (
	EventsBySeq    = "by_seq" // (seq): unsealed ones have 0
	EventsByTime   = "by_time"
	EventsByActor  = "by_actor"
	EventsByObject = "by_object"
	EventsByKind   = "by_kind"
	EventsByPerson = "by_person"
)

func eventKind() Kind[EventRecord] {
	return Kind[EventRecord]{
		Name: EventCollection, Noun: "event",
		Meta: func(e *EventRecord) *Meta { return &e.Meta },
		Columns: []ColumnOf[EventRecord]{
			{"seq", IntKind, func(e *EventRecord) Value { return Int(e.Seq) }},
			{"at", IntKind, func(e *EventRecord) Value { return Time(e.At) }},
			{"kind", TextKind, func(e *EventRecord) Value { return Text(e.Kind) }},
			{"actor", TextKind, func(e *EventRecord) Value { return TextOrNone(e.ActorID) }},
			{"object", TextKind, func(e *EventRecord) Value { return TextOrNone(e.ObjectID) }},
			{"person", TextKind, func(e *EventRecord) Value { return TextOrNone(e.Person) }},
		},
		Indexes: []Index{
			{Name: EventsBySeq, Columns: []string{"seq"}},
			{Name: EventsByTime, Columns: []string{"at"}},
			{Name: EventsByKind, Columns: []string{"kind", "at"}},
			{Name: EventsByActor, Columns: []string{"actor", "at"}},
			{Name: EventsByObject, Columns: []string{"object", "at"}},
			{Name: EventsByPerson, Columns: []string{"person", "at"}},
		},
	}
}

// record completes e with what the permit knows. The n-th event of a batch has the id batch-n.
func (e Event) record(batch string, n int, at time.Time, p access.Permit) EventRecord {
	by, proof, from := p.By(), p.By().Proof(), p.By().Origin()
	object := e.Object
	if object.Type == "" {
		object = p.On()
	}
	r := EventRecord{
		Meta: Meta{ID: batch + "-" + strconv.Itoa(n)}, Kind: e.Kind, At: at,
		ActorType: by.Subject().Type, ActorID: by.Subject().ID,
		ObjectType: object.Type, ObjectID: object.ID, Org: object.Org,
		Client: proof.Client, Session: proof.Session, Request: from.RequestID,
		Action: string(p.Action()), Reason: p.Reason(), Because: by.Reason(),
		Public: e.Public, Person: e.Person, Personal: map[string]string{}, Salt: newSalt(),
	}
	if by.Home() != by.Tenant() {
		r.ActorHome = string(by.Home())
	}
	if r.Person == "" {
		r.Person = by.UserID()
	}
	for k, v := range e.Personal {
		r.Personal[k] = v
	}
	if from.Address.IsValid() {
		r.Personal["address"] = from.Address.String()
	}
	if from.UserAgent != "" {
		r.Personal["user_agent"] = from.UserAgent
	}
	return r
}

func newSalt() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Message is something to be sent to a person once the batch is committed.
type Message struct {
	Channel  string            // "mail"
	To       string            // address
	Template string            // name of the text
	Data     map[string]string // what the text needs; holds links, so it is sealed
	Expires  time.Time         // when the message has become useless; zero: after a day
}

// OutboxRecord is a message as it is stored: sealed until it is sent, then wiped.
type OutboxRecord struct {
	Meta
	Channel  string       `json:"channel"`
	State    string       `json:"state"` // waiting | sent | failed
	Due      time.Time    `json:"due"`
	Tries    int          `json:"tries,omitzero"`
	Created  time.Time    `json:"created"`
	Envelope secret.Value `json:"-"` // JSON of the Message; sealed at rest
}

// States of an outbox record.
const (
	OutboxWaiting = "waiting"
	OutboxSent    = "sent"
	OutboxFailed  = "failed"
)

// OutboxByDue finds waiting messages: (state, due).
const OutboxByDue = "by_due"

func outboxKind() Kind[OutboxRecord] {
	return Kind[OutboxRecord]{
		Name: OutboxCollection, Noun: "message",
		Meta: func(m *OutboxRecord) *Meta { return &m.Meta },
		Columns: []ColumnOf[OutboxRecord]{
			{"state", TextKind, func(m *OutboxRecord) Value { return Text(m.State) }},
			{"due", IntKind, func(m *OutboxRecord) Value { return Time(m.Due) }},
		},
		Indexes: []Index{{Name: OutboxByDue, Columns: []string{"state", "due"}}},
		Sealed: []SealedField[OutboxRecord]{
			{"envelope", func(m *OutboxRecord) *secret.Value { return &m.Envelope }},
		},
	}
}
