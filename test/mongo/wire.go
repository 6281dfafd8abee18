package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Opcodes of the wire protocol. Everything but the first greeting is an OP_MSG.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013

	maxMessage = 48 << 20
)

// message is a request or its answer: one document, into which the sequences of documents beside it were put.
type message struct {
	id, to int32
	opcode int32
	more   bool // nobody waits for an answer
	doc    bson.D
}

var errWire = errors.New("not a message")

// read reads one message.
func read(c io.Reader) (message, error) {
	var head [16]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return message{}, err
	}
	size := int32(binary.LittleEndian.Uint32(head[:]))
	if size < 16+5 || size > maxMessage {
		return message{}, errWire
	}
	m := message{
		id: int32(binary.LittleEndian.Uint32(head[4:])), to: int32(binary.LittleEndian.Uint32(head[8:])), opcode: int32(binary.LittleEndian.Uint32(head[12:])),
	}
	body := make([]byte, size-16)
	if _, err := io.ReadFull(c, body); err != nil {
		return message{}, err
	}
	switch m.opcode {
	case opMsg:
		return m, m.sections(body)
	case opQuery: // flags, name, skip, limit, document
		for i := 4; i < len(body); i++ {
			if body[i] == 0 && len(body) > i+9 {
				return m, bson.Unmarshal(body[i+9:], &m.doc)
			}
		}
	}
	return message{}, errWire
}

func (m *message) sections(body []byte) error {
	flags := binary.LittleEndian.Uint32(body)
	m.more = flags&2 != 0
	if flags&1 != 0 && len(body) > 4 { // a checksum
		body = body[:len(body)-4]
	}
	var sequences bson.D
	for body = body[4:]; len(body) > 5; {
		kind, size := body[0], int(binary.LittleEndian.Uint32(body[1:]))
		if size < 5 || 1+size > len(body) {
			return errWire
		}
		section := body[1 : 1+size]
		body = body[1+size:]
		if kind == 0 {
			if err := bson.Unmarshal(section, &m.doc); err != nil {
				return err
			}
			continue
		}
		name, docs, err := sequence(section[4:])
		if err != nil {
			return err
		}
		sequences = append(sequences, bson.E{Key: name, Value: docs})
	}
	m.doc = append(m.doc, sequences...)
	return nil
}

func sequence(b []byte) (name string, docs bson.A, err error) {
	for i := range b {
		if b[i] == 0 {
			name, b = string(b[:i]), b[i+1:]
			break
		}
	}
	for len(b) > 4 {
		size := int(binary.LittleEndian.Uint32(b))
		if size < 5 || size > len(b) {
			return "", nil, errWire
		}
		var d bson.D
		if err := bson.Unmarshal(b[:size], &d); err != nil {
			return "", nil, err
		}
		docs, b = append(docs, d), b[size:]
	}
	return name, docs, nil
}

// write sends one message.
func write(c net.Conn, m message) error {
	doc, err := bson.Marshal(m.doc)
	if err != nil {
		return err
	}
	extra := 5 // flags, and the kind of the section
	if m.opcode == opReply {
		extra = 20 // flags, cursor, from, count
	}
	b := make([]byte, 16+extra, 16+extra+len(doc))
	binary.LittleEndian.PutUint32(b, uint32(16+extra+len(doc)))
	binary.LittleEndian.PutUint32(b[4:], uint32(m.id))
	binary.LittleEndian.PutUint32(b[8:], uint32(m.to))
	binary.LittleEndian.PutUint32(b[12:], uint32(m.opcode))
	if m.opcode == opReply {
		binary.LittleEndian.PutUint32(b[32:], 1)
	}
	_, err = c.Write(append(b, doc...))
	return err
}

// field is the value of a member; nil if there is none.
func field(d bson.D, name string) any {
	for _, e := range d {
		if e.Key == name {
			return e.Value
		}
	}
	return nil
}

func document(d bson.D, name string) bson.D { x, _ := field(d, name).(bson.D); return x }

func list(d bson.D, name string) bson.A { x, _ := field(d, name).(bson.A); return x }

func text(d bson.D, name string) string { x, _ := field(d, name).(string); return x }

func yes(d bson.D, name string) bool { x, _ := field(d, name).(bool); return x }

func number(d bson.D, name string) int64 {
	switch n := field(d, name).(type) {
	case int32:
		return int64(n)
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// without is d without the members of those names.
func without(d bson.D, names ...string) bson.D {
	out := make(bson.D, 0, len(d))
next:
	for _, e := range d {
		for _, name := range names {
			if e.Key == name {
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}
