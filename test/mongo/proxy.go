package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// proxy is the server that drivers see.
type proxy struct {
	address  string
	backend  string
	journals string // directory of what is to be put back; empty: nothing outlives the process

	mu        sync.Mutex
	locks     map[string]chan struct{} // one for each database
	open      map[string]*transaction  // by session
	committed map[string]int64         // number of the last transaction of a session that was committed
	made      int
}

func (p *proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go p.serve(c)
	}
}

// client is a connection, and one to FerretDB that is its own.
type client struct {
	*proxy
	behind net.Conn
	sent   int32
}

func (p *proxy) client() (*client, error) {
	behind, err := net.Dial("tcp", p.backend)
	return &client{proxy: p, behind: behind}, err
}

func (p *proxy) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	c, err := p.client()
	if err != nil {
		return
	}
	defer func() { _ = c.behind.Close() }()
	for {
		m, err := read(conn)
		if err != nil {
			return
		}
		answer := message{to: m.id, opcode: opMsg, doc: c.answer(m.doc)}
		if m.opcode == opQuery {
			answer.opcode = opReply
		}
		if !m.more {
			err = write(conn, answer)
		}
		if err != nil {
			return
		}
	}
}

func ok(more ...bson.E) bson.D { return append(bson.D(more), bson.E{Key: "ok", Value: 1.0}) }

func failed(code int32, name, text string, labels ...string) bson.D {
	d := bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "codeName", Value: name}, {Key: "errmsg", Value: text}}
	if len(labels) > 0 {
		d = append(d, bson.E{Key: "errorLabels", Value: labels})
	}
	return d
}

func (p *proxy) hello() bson.D {
	return ok(bson.E{Key: "ismaster", Value: true}, bson.E{Key: "isWritablePrimary", Value: true}, bson.E{Key: "helloOk", Value: true},
		bson.E{Key: "setName", Value: "standin"}, bson.E{Key: "setVersion", Value: int32(1)}, bson.E{Key: "electionId", Value: bson.ObjectID{11: 1}},
		bson.E{Key: "hosts", Value: bson.A{p.address}}, bson.E{Key: "me", Value: p.address}, bson.E{Key: "primary", Value: p.address},
		bson.E{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, bson.E{Key: "maxMessageSizeBytes", Value: int32(maxMessage)},
		bson.E{Key: "maxWriteBatchSize", Value: int32(100_000)}, bson.E{Key: "localTime", Value: bson.NewDateTimeFromTime(time.Now())},
		bson.E{Key: "logicalSessionTimeoutMinutes", Value: int32(30)}, bson.E{Key: "minWireVersion", Value: int32(0)}, bson.E{Key: "maxWireVersion", Value: int32(21)})
}

// answer does a command.
func (c *client) answer(cmd bson.D) bson.D {
	if len(cmd) == 0 {
		return failed(9, "FailedToParse", "an empty command")
	}
	switch strings.ToLower(cmd[0].Key) {
	case "hello", "ismaster":
		return c.hello()
	case "ping", "endsessions", "killsessions":
		return ok()
	case "saslstart":
		return failed(18, "AuthenticationFailed", "Authentication failed.")
	case "committransaction":
		return c.commit(cmd)
	case "aborttransaction":
		return c.abort(cmd)
	}
	if field(cmd, "autocommit") == false {
		return c.within(cmd)
	}
	lock := c.lock(text(cmd, "$db"))
	if !take(lock, cmd) {
		return failed(50, "MaxTimeMSExpired", "the database is locked for too long")
	}
	defer func() { <-lock }()
	return c.do(cmd, nil)
}

func (p *proxy) lock(db string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.locks[db] == nil {
		p.locks[db] = make(chan struct{}, 1)
	}
	return p.locks[db]
}

// do does a command whose database is locked; in a transaction, what it changes can be put back.
func (c *client) do(cmd bson.D, tx *transaction) bson.D {
	cmd = without(cmd, "lsid", "txnNumber", "autocommit", "startTransaction", "readConcern", "writeConcern", "$clusterTime", "$readPreference", "maxTimeMS", "comment", "hint")
	db := text(cmd, "$db")
	name, _ := cmd[0].Value.(string)
	switch cmd[0].Key {
	case "insert":
		if err := tx.before(c, bson.D{{Key: "db", Value: db}, {Key: "in", Value: name}, {Key: "gone", Value: ids(list(cmd, "documents"))}}); err != nil {
			return failed(1, "InternalError", err.Error())
		}
		return c.insert(cmd)
	case "update":
		return c.update(cmd, tx)
	case "delete":
		for _, s := range list(cmd, "deletes") {
			if err := tx.keep(c, statement{db, name, document(s.(bson.D), "q"), number(s.(bson.D), "limit"), false}); err != nil {
				return failed(1, "InternalError", err.Error())
			}
		}
	case "findAndModify":
		if err := tx.keep(c, statement{db, name, document(cmd, "query"), 1, yes(cmd, "upsert")}); err != nil {
			return failed(1, "InternalError", err.Error())
		}
	case "createIndexes":
		for i, x := range list(cmd, "indexes") {
			list(cmd, "indexes")[i] = without(x.(bson.D), "partialFilterExpression", "collation")
		}
	case "create":
		cmd = without(cmd, "collation")
	}
	return c.pass(cmd)
}

// update does the statements one by one, as FerretDB does not say which of them has failed.
func (c *client) update(cmd bson.D, tx *transaction) bson.D {
	db, name := text(cmd, "$db"), cmd[0].Value.(string)
	n, modified, upserted := int64(0), int64(0), bson.A{}
	answer := func(more ...bson.E) bson.D {
		if len(upserted) > 0 {
			more = append(more, bson.E{Key: "upserted", Value: upserted})
		}
		return ok(append(more, bson.E{Key: "n", Value: int32(n)}, bson.E{Key: "nModified", Value: int32(modified)})...)
	}
	for i, s := range list(cmd, "updates") {
		s := without(s.(bson.D), "hint")
		limit := int64(1)
		if yes(s, "multi") {
			limit = 0
		}
		if err := tx.keep(c, statement{db, name, document(s, "q"), limit, yes(s, "upsert")}); err != nil {
			return failed(1, "InternalError", err.Error())
		}
		if now := c.updated(db, name, s); c.absentTwice(db, name, now) {
			return answer(bson.E{Key: "writeErrors", Value: bson.A{c.duplicate(db, name, int32(i), now)}})
		}
		out := c.pass(bson.D{{Key: "update", Value: name}, {Key: "updates", Value: bson.A{s}}, {Key: "$db", Value: db}})
		if number(out, "ok") != 1 {
			if !strings.Contains(text(out, "errmsg"), "UNIQUE") {
				return out
			}
			return answer(bson.E{Key: "writeErrors", Value: bson.A{c.duplicate(db, name, int32(i), c.updated(db, name, s))}})
		}
		n, modified = n+number(out, "n"), modified+number(out, "nModified")
		for _, u := range list(out, "upserted") {
			upserted = append(upserted, bson.D{{Key: "index", Value: int32(i)}, {Key: "_id", Value: field(u.(bson.D), "_id")}})
		}
	}
	return answer()
}

// updated is what the document of a statement would have become.
func (c *client) updated(db, name string, s bson.D) bson.D {
	was, err := c.find(db, name, document(s, "q"), 1)
	if err != nil || len(was) == 0 {
		return document(document(s, "u"), "$set")
	}
	now := was[0].(bson.D)
	for _, e := range document(document(s, "u"), "$unset") {
		now = without(now, e.Key)
	}
	for _, e := range document(document(s, "u"), "$set") {
		now = append(without(now, e.Key), e)
	}
	return now
}

// insert has the errors of an insert say which index they are about. It ends before a document that lacks what
// another one lacks too, where that is unique.
func (c *client) insert(cmd bson.D) bson.D {
	db, name, docs := text(cmd, "$db"), cmd[0].Value.(string), list(cmd, "documents")
	for i, d := range docs {
		if !c.absentTwice(db, name, d.(bson.D)) {
			continue
		}
		if i > 0 {
			if out := c.insert(append(without(cmd, "documents"), bson.E{Key: "documents", Value: docs[:i]})); len(list(out, "writeErrors")) > 0 {
				return out
			}
		}
		return ok(bson.E{Key: "n", Value: int32(i)}, bson.E{Key: "writeErrors", Value: bson.A{c.duplicate(db, name, int32(i), d.(bson.D))}})
	}
	out := c.pass(cmd)
	for i, e := range list(out, "writeErrors") {
		at := number(e.(bson.D), "index")
		if number(e.(bson.D), "code") == 11000 && int(at) < len(docs) {
			list(out, "writeErrors")[i] = c.duplicate(text(cmd, "$db"), cmd[0].Value.(string), int32(at), docs[at].(bson.D))
		}
	}
	return out
}

// duplicate is the error about a document that may not be beside another, in the words of MongoDB, which
// repeat the values.
func (c *client) duplicate(db, name string, at int32, doc bson.D) bson.D {
	index, key := "?", bson.D{}
	for _, x := range c.unique(db, name) {
		if q, _ := same(x, doc); c.another(db, name, text(x, "name") != "_id_", q, doc) {
			index, key = text(x, "name"), q
			break
		}
	}
	return bson.D{{Key: "index", Value: at}, {Key: "code", Value: int32(11000)}, {Key: "keyValue", Value: key},
		{Key: "errmsg", Value: fmt.Sprintf("E11000 duplicate key error collection: %s.%s index: %s dup key: %v", db, name, index, key)}}
}

// unique are the unique indexes of a collection, that of the key last: the contract names it first.
func (c *client) unique(db, name string) []bson.D {
	var out []bson.D
	answer := c.pass(bson.D{{Key: "listIndexes", Value: name}, {Key: "$db", Value: db}})
	for _, x := range list(document(answer, "cursor"), "firstBatch") {
		if x := x.(bson.D); yes(x, "unique") || text(x, "name") == "_id_" {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b bson.D) int { return strings.Compare(text(b, "name"), text(a, "name")) })
	return out
}

// same is the query for what has the values of doc in an index, and whether doc has all of them.
func same(index, doc bson.D) (q bson.D, whole bool) {
	whole = true
	for _, k := range document(index, "key") {
		v := field(doc, k.Key)
		whole = whole && v != nil
		q = append(q, bson.E{Key: k.Key, Value: v})
	}
	return q, whole
}

// another reports whether q finds a document, one that is not doc itself where that may be there.
func (c *client) another(db, name string, besides bool, q, doc bson.D) bool {
	found, err := c.find(db, name, q, 2)
	return err == nil && slices.ContainsFunc(found, func(o any) bool { return !besides || field(o.(bson.D), "_id") != field(doc, "_id") })
}

// absentTwice reports whether doc lacks a value of a unique index, and another document is like it: SQLite
// lets any number of them be, MongoDB takes what is absent for null, and two nulls for the same.
func (c *client) absentTwice(db, name string, doc bson.D) bool {
	return slices.ContainsFunc(c.unique(db, name), func(x bson.D) bool {
		q, whole := same(x, doc)
		return !whole && c.another(db, name, true, q, doc)
	})
}

// find reads whole documents, all of them if limit is 0.
func (c *client) find(db, name string, q bson.D, limit int64) (bson.A, error) {
	out := c.pass(bson.D{{Key: "find", Value: name}, {Key: "filter", Value: q}, {Key: "limit", Value: limit}, {Key: "batchSize", Value: int64(100_000)}, {Key: "$db", Value: db}})
	if number(out, "ok") != 1 {
		return nil, fmt.Errorf("reading what was there: %s", text(out, "errmsg"))
	}
	return list(document(out, "cursor"), "firstBatch"), nil
}

// pass has FerretDB do a command.
func (c *client) pass(cmd bson.D) bson.D {
	c.sent++
	if err := write(c.behind, message{id: c.sent, opcode: opMsg, doc: cmd}); err != nil {
		return failed(6, "HostUnreachable", err.Error())
	}
	m, err := read(c.behind)
	if err != nil {
		return failed(6, "HostUnreachable", err.Error())
	}
	return m.doc
}

func ids(docs bson.A) bson.A {
	out := bson.A{}
	for _, d := range docs {
		out = append(out, field(d.(bson.D), "_id"))
	}
	return out
}
