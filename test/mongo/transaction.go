package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// How long a command waits for the lock of its database, and how long a transaction may do nothing.
const (
	patience = 30 * time.Second
	idle     = 5 * time.Second
)

// transaction is one that is open: it holds the lock of its database.
type transaction struct {
	session string
	number  int64
	lock    chan struct{}
	journal *os.File
	idle    *time.Timer

	mu   sync.Mutex // held while a command of it is done
	over bool
	undo []bson.D // {db, in, gone: [id…], back: [document…]}, in the order of the writes
}

func session(cmd bson.D) string { return fmt.Sprint(document(cmd, "lsid")) }

func noSuchTransaction() bson.D {
	return failed(251, "NoSuchTransaction", "Given transaction number does not match any in-progress transactions.", "TransientTransactionError")
}

// within does a command of a transaction, the first of which opens it.
func (c *client) within(cmd bson.D) bson.D {
	tx := c.of(cmd)
	if yes(cmd, "startTransaction") {
		if tx != nil {
			c.end(tx, true)
		}
		var err error
		if tx, err = c.begin(cmd); err != nil {
			return failed(50, "MaxTimeMSExpired", err.Error())
		}
	}
	if tx == nil {
		return noSuchTransaction()
	}
	tx.mu.Lock()
	if tx.over || tx.number != number(cmd, "txnNumber") {
		tx.mu.Unlock()
		return noSuchTransaction()
	}
	tx.idle.Reset(idle)
	out := c.do(cmd, tx)
	tx.mu.Unlock()
	if number(out, "ok") != 1 || len(list(out, "writeErrors")) > 0 { // the server aborts it by itself
		c.end(tx, true)
	}
	return out
}

func (p *proxy) of(cmd bson.D) *transaction {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open[session(cmd)]
}

// take takes a lock unless whoever waits for the command gives up before.
func take(lock chan struct{}, cmd bson.D) bool {
	within := patience
	if ms := number(cmd, "maxTimeMS"); ms > 0 {
		within = time.Duration(ms) * time.Millisecond
	}
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case lock <- struct{}{}:
		return true
	case <-late.C:
		return false
	}
}

func (c *client) begin(cmd bson.D) (*transaction, error) {
	tx := &transaction{session: session(cmd), number: number(cmd, "txnNumber"), lock: c.lock(text(cmd, "$db"))}
	if !take(tx.lock, cmd) {
		return nil, errors.New("the database is locked for too long")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.journals != "" {
		c.made++
		var err error
		name := filepath.Join(c.journals, fmt.Sprintf("%08d.undo", c.made))
		if tx.journal, err = os.Create(name); err != nil {
			<-tx.lock
			return nil, err
		}
		_, _ = fmt.Fprintln(tx.journal, strconv.Quote(tx.session), tx.number)
	}
	tx.idle = time.AfterFunc(idle, func() {
		if other, err := c.proxy.client(); err == nil {
			other.end(tx, true)
			_ = other.behind.Close()
		}
	})
	c.open[tx.session] = tx
	return tx, nil
}

// statement is a change of what q means, of the first limit documents, or of all if limit is 0.
type statement struct {
	db, in string
	q      bson.D
	limit  int64
	upsert bool
}

// keep notes what documents are before a statement changes them, or adds one: whose _id is in the query.
func (tx *transaction) keep(c *client, s statement) error {
	if tx == nil {
		return nil
	}
	q := s.q
	if key, is := field(q, "_id").(string); is { // no other can be meant, and FerretDB finds it without looking at all
		q = bson.D{{Key: "_id", Value: key}}
	}
	back, err := c.find(s.db, s.in, q, s.limit)
	if err != nil {
		return err
	}
	gone := ids(back)
	if s.upsert && len(back) == 0 {
		gone = bson.A{field(q, "_id")}
	}
	return tx.before(c, bson.D{{Key: "db", Value: s.db}, {Key: "in", Value: s.in}, {Key: "gone", Value: gone}, {Key: "back", Value: back}})
}

// before notes how a write is to be undone, on the disk before it is done. An insert of what is there
// already fails and is not to be undone.
func (tx *transaction) before(c *client, undo bson.D) error {
	if tx == nil {
		return nil
	}
	if field(undo, "back") == nil {
		back := bson.A{}
		for _, key := range list(undo, "gone") {
			there, err := c.find(text(undo, "db"), text(undo, "in"), bson.D{{Key: "_id", Value: key}}, 0)
			if err != nil {
				return err
			}
			back = append(back, there...)
		}
		undo = append(undo, bson.E{Key: "back", Value: back})
	}
	tx.undo = append(tx.undo, undo)
	if tx.journal == nil {
		return nil
	}
	b, err := bson.MarshalExtJSON(undo, true, false)
	if err == nil {
		_, err = tx.journal.Write(append(b, '\n'))
	}
	return err
}

func (c *client) commit(cmd bson.D) bson.D {
	tx := c.of(cmd)
	if tx == nil || tx.number != number(cmd, "txnNumber") {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.committed[session(cmd)] == number(cmd, "txnNumber") { // the answer was lost
			return ok()
		}
		return noSuchTransaction()
	}
	if !c.end(tx, false) {
		return noSuchTransaction()
	}
	return ok()
}

func (c *client) abort(cmd bson.D) bson.D {
	if tx := c.of(cmd); tx != nil && tx.number == number(cmd, "txnNumber") {
		c.end(tx, true)
		return ok()
	}
	return noSuchTransaction()
}

// end ends a transaction and reports whether it was open until now.
func (c *client) end(tx *transaction, abort bool) bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.over {
		return false
	}
	tx.over = true
	tx.idle.Stop()
	if abort {
		c.putBack(tx.undo)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !abort {
		c.committed[tx.session] = tx.number
		c.note(tx)
	}
	if c.open[tx.session] == tx {
		delete(c.open, tx.session)
	}
	if tx.journal != nil {
		_ = tx.journal.Close()
		_ = os.Remove(tx.journal.Name())
	}
	<-tx.lock
	return true
}

func (c *client) putBack(undo []bson.D) {
	for i := len(undo) - 1; i >= 0; i-- {
		db, name := text(undo[i], "db"), text(undo[i], "in")
		q := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: field(undo[i], "gone")}}}}
		c.pass(bson.D{{Key: "delete", Value: name}, {Key: "deletes", Value: bson.A{bson.D{{Key: "q", Value: q}, {Key: "limit", Value: int32(0)}}}}, {Key: "$db", Value: db}})
		if back := list(undo[i], "back"); len(back) > 0 {
			c.pass(bson.D{{Key: "insert", Value: name}, {Key: "documents", Value: back}, {Key: "$db", Value: db}})
		}
	}
}

// note writes down that a transaction was committed: from here on it is, whatever happens.
func (p *proxy) note(tx *transaction) {
	if p.journals == "" {
		return
	}
	f, err := os.OpenFile(filepath.Join(p.journals, "committed"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, strconv.Quote(tx.session), tx.number)
		_ = f.Close()
	}
	if err != nil {
		panic(err) // a test without a disk
	}
}

// recover undoes the transactions that a process before this one has not committed.
func (p *proxy) recover() error {
	if p.journals == "" {
		return nil
	}
	done, err := os.ReadFile(filepath.Join(p.journals, "committed"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(done)) {
		if name, n, err := stamp(line); err == nil {
			p.committed[name] = n
		}
	}
	journals, err := filepath.Glob(filepath.Join(p.journals, "*.undo"))
	if err != nil {
		return err
	}
	c, err := p.client()
	if err != nil {
		return err
	}
	defer func() { _ = c.behind.Close() }()
	for _, name := range journals {
		if err := c.recoverOne(name); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) recoverOne(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	first, rest, _ := strings.Cut(string(b), "\n")
	var undo []bson.D
	for line := range strings.Lines(rest) {
		var d bson.D
		if bson.UnmarshalExtJSON([]byte(line), true, &d) != nil {
			break // it was killed before the write that this was about
		}
		undo = append(undo, d)
	}
	if s, n, err := stamp(first); err == nil && c.committed[s] != n {
		c.putBack(undo)
	}
	return os.Remove(name)
}

// stamp reads the session and number of a transaction.
func stamp(line string) (session string, number int64, err error) {
	quoted, n, _ := strings.Cut(strings.TrimSpace(line), `" `)
	if session, err = strconv.Unquote(quoted + `"`); err == nil {
		number, err = strconv.ParseInt(n, 10, 64)
	}
	return session, number, err
}
