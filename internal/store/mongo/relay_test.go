package mongo_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/mongo"
	"github.com/cardea-auth/cardea/internal/store/mongo/mongotest"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const here id.Tenant = "here"

// what says what a relay does with a command.
type what int

const (
	pass     what = iota
	unsent        // the connection ends, the command is not passed on
	answered      // the connection ends after the server has done its work
	conflict      // the answer is that the transaction has met another
)

// relay stands between an engine and its server, and reads along.
type relay struct {
	server string
	mu     sync.Mutex
	plan   map[string][]what // by command; what is done with the next of them, one after the other
	done   map[string]int    // how many were not passed as they were
	moved  bool              // the primary is another one
}

// startRelay returns a relay and the URL that leads through it.
func startRelay(t *testing.T, uri string) (*relay, string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{server: u.Host, plan: map[string][]what{}, done: map[string]int{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	u.Host = l.Addr().String()
	q := u.Query()
	q.Set("directConnection", "true") // the set would name the server itself
	u.RawQuery = q.Encode()
	return r, u.String()
}

func (r *relay) next(command string, all ...what) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan[command], r.done[command] = all, 0
}

func (r *relay) take(command string) what {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.plan[command]) == 0 {
		return pass
	}
	now := r.plan[command][0]
	r.plan[command] = r.plan[command][1:]
	if now != pass {
		r.done[command]++
	}
	return now
}

// message reads a message of the wire protocol, whole.
func message(c io.Reader) ([]byte, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	m := append(head, make([]byte, binary.LittleEndian.Uint32(head)-16)...)
	_, err := io.ReadFull(c, m[16:])
	return m, err
}

// command is the name of the command in an OP_MSG: that of the first member of its document.
func command(m []byte) string {
	const opMsg, at = 2013, 16 + 4 + 1 + 4 + 1
	if binary.LittleEndian.Uint32(m[12:]) != opMsg || len(m) < at {
		return ""
	}
	name, _, _ := bytes.Cut(m[at:], []byte{0})
	return string(name)
}

func (r *relay) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	for {
		m, err := message(client)
		if err != nil {
			return
		}
		do := r.take(command(m))
		if do == unsent {
			return
		}
		answer := refusal(m)
		if do != conflict {
			if _, err := server.Write(m); err != nil {
				return
			}
			if answer, err = message(server); err != nil || do == answered {
				return
			}
		}
		r.mu.Lock()
		if r.moved {
			answer = bytes.ReplaceAll(answer, append([]byte("electionId\x00"), make([]byte, 11)...), append([]byte("electionId\x00"), bytes.Repeat([]byte{7}, 11)...))
		}
		r.mu.Unlock()
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// refusal is the answer that a transaction has met another, in the words of a server.
func refusal(to []byte) []byte {
	doc, err := bson.Marshal(bson.D{
		{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(112)}, {Key: "codeName", Value: "WriteConflict"},
		{Key: "errmsg", Value: "Write conflict during plan execution, value hunter2secret"}, {Key: "errorLabels", Value: bson.A{"TransientTransactionError"}},
	})
	if err != nil {
		return nil
	}
	m := make([]byte, 21)
	binary.LittleEndian.PutUint32(m, uint32(21+len(doc)))
	copy(m[8:12], to[4:8])
	binary.LittleEndian.PutUint32(m[12:], 2013)
	return append(m, doc...)
}

// note is the document of these tests.
type note struct {
	store.Meta
	Text string `json:"text"`
}

func noteKind() store.Kind[note] {
	return store.Kind[note]{Name: "note", Noun: "note", Meta: func(n *note) *store.Meta { return &n.Meta }}
}

// relayed is a DB behind a relay.
type relayed struct {
	*relay
	uri    string // that does not lead through it
	engine *mongo.Engine
	db     *store.DB
	notes  store.Scope[note]
}

func newRelayed(t *testing.T, within time.Duration) *relayed {
	t.Helper()
	if mongotest.Real() {
		t.Skip("the relay leads to one server, not to a set")
	}
	server := mongotest.URL(t)
	r, uri := startRelay(t, server)
	e, err := mongo.Open(t.Context(), mongo.Config{URL: secret.New(uri), Now: time.Now, Within: within})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	db := store.New(store.Config{Engine: e, Sealer: storetest.NewSealer(), Now: time.Now})
	notes := store.NewCollection(db, noteKind()).In(here)
	storetest.Ensure(t, db)
	return &relayed{r, server, e, db, notes}
}

func viewer(docID string) store.Tuple {
	return store.Tuple{Object: store.ObjectRef{Type: "note", ID: docID}, Relation: "viewer", Subject: store.SubjectRef{Type: "user", ID: "1"}}
}

func (r *relayed) commit(t *testing.T, docID string, tuples bool) error {
	t.Helper()
	b := store.Batch{
		Permit: storetest.Permit(here, "note.write"), Events: []store.Event{{Kind: "note.written"}},
		Docs: []store.DocOp{r.notes.Insert(t.Context(), &note{Meta: store.Meta{ID: docID}})},
	}
	if tuples {
		b.Tuples = []store.TupleOp{store.WriteTuple(viewer(docID))}
	}
	_, err := r.db.Commit(t.Context(), b)
	return err
}

// TestConnectionLostAroundCommit cuts the connection around the commands of a commit. Whoever is told of
// success finds everything, whoever is told of failure finds nothing, and nobody is told that it is not
// known: here it always can be found out. The driver sends a commit
// again and again by itself, which the server answers as the first time.
func TestConnectionLostAroundCommit(t *testing.T) {
	t.Parallel()
	for name, tuples := range map[string]bool{"documents": false, "with tuples": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelayed(t, patience)
			if err := r.commit(t, "warm", tuples); err != nil {
				t.Fatal(err)
			}
			for i, c := range []struct {
				command string
				cuts    []what
				written bool
			}{
				{"insert", []what{unsent}, false},
				{"insert", []what{answered}, false},
				{"insert", []what{pass, answered}, false},
				{"commitTransaction", []what{unsent}, true},
				{"commitTransaction", []what{answered}, true},
				{"commitTransaction", []what{answered, answered}, true},
				{"commitTransaction", []what{answered, unsent}, true},
			} {
				docID := fmt.Sprint(i)
				r.next(c.command, c.cuts...)
				err := r.commit(t, docID, tuples)
				if r.done[c.command] == 0 {
					t.Errorf("%s %v: the relay has not cut", c.command, c.cuts)
				}
				r.next(c.command)
				r.look(t, fmt.Sprint(c.command, c.cuts), docID, tuples, c.written, err)
			}
		})
	}
}

// TestCommitThatNobodyAnswers cuts the connection under a commit and keeps it cut: nobody can say what has
// become of it, and nobody says so.
func TestCommitThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first what
		there bool
	}{"it was done": {answered, true}, "it was not": {unsent, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelayed(t, 2*time.Second)
			r.next("commitTransaction", append([]what{c.first}, slices.Repeat([]what{unsent}, 100_000)...)...)
			r.next("find", slices.Repeat([]what{unsent}, 100_000)...)
			err := r.commit(t, "1", false)
			if errs.CodeOf(err) != "outcome_unknown" {
				t.Errorf("told %v", err)
			}
			other := openAt(t, r.uri) // and waits for the transaction to end
			if err := other.Keeper.Ensure(t.Context(), r.db.Schemas()); err != nil {
				t.Fatal(err)
			}
			if _, err := other.Engine.Get(t.Context(), store.Key{Tenant: here, Collection: "note", ID: "1"}); (err == nil) != c.there {
				t.Errorf("reading says %v", err)
			}
		})
	}
}

func (r *relayed) look(t *testing.T, name, docID string, tuples, written bool, err error) {
	t.Helper()
	_, missing := r.notes.Get(t.Context(), docID)
	related, listErr := r.engine.ListTuples(t.Context(), store.OwnTuples(here), store.TupleFilter{Object: viewer(docID).Object}, store.TuplePage{})
	if listErr != nil {
		t.Fatal(listErr)
	}
	if tuples && (missing == nil) != (len(related) == 1) {
		t.Errorf("%s: half of it was written: %v, %d tuples", name, missing, len(related))
	}
	if written && (err != nil || missing != nil) {
		t.Errorf("%s: told %v, reading says %v", name, err, missing)
	}
	if !written && (errs.CodeOf(err) != "store_unavailable" || !errs.Is(missing, errs.NotFound)) {
		t.Errorf("%s: told %v (%s), reading says %v", name, err, errs.CodeOf(err), missing)
	}
}

// TestTransactionsThatMeet begins a transaction anew that has met another, and gives up at some point
// without repeating what the server has said.
func TestTransactionsThatMeet(t *testing.T) {
	t.Parallel()
	for name, tuples := range map[string]bool{"documents": false, "with tuples": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelayed(t, patience)
			for i, command := range []string{"insert", "commitTransaction"} {
				docID := fmt.Sprint(i)
				r.next(command, conflict, conflict, conflict)
				err := r.commit(t, docID, tuples)
				if r.done[command] != 3 {
					t.Errorf("%s: it was tried %d times", command, r.done[command])
				}
				r.look(t, command, docID, tuples, true, err)
			}
			r.next("insert", slices.Repeat([]what{conflict}, 1000)...)
			err := r.commit(t, "never", tuples)
			r.next("insert")
			r.look(t, "always", "never", tuples, false, err)
			if err == nil || strings.Contains(err.Error(), "hunter2secret") || !strings.Contains(err.Error(), "WriteConflict") {
				t.Errorf("told %v", err)
			}
		})
	}
}

// TestReadingSurvivesALostConnection has the connection die under a reading.
func TestReadingSurvivesALostConnection(t *testing.T) {
	t.Parallel()
	r := newRelayed(t, patience)
	for _, when := range []what{unsent, answered} {
		r.next("find", when)
		if _, err := r.engine.Get(t.Context(), store.Key{Tenant: here, Collection: "note", ID: "1"}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("cut %v: %v", when, err)
		}
		if r.done["find"] != 1 {
			t.Errorf("cut %v: %d connections were cut", when, r.done["find"])
		}
	}
}

// TestAnotherPrimary has a follower forget everything when the set has another primary, and go on.
func TestAnotherPrimary(t *testing.T) {
	t.Parallel()
	r := newRelayed(t, patience)
	f := r.engine.Follow(t.Context(), 0)
	for range 2 {
		if _, _, err := f.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.mu.Lock()
	r.moved = true
	r.mu.Unlock()
	if _, at, err := f.Next(t.Context()); !errors.Is(err, store.ErrTrimmed) || !f.Since().Equal(at) {
		t.Errorf("%v, since %v of %v", err, f.Since(), at)
	}
	if _, _, err := f.Next(t.Context()); err != nil {
		t.Error(err)
	}
}
