package mongo

import (
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// A key is several texts in one, which is the _id of a document. NUL ends a part, so it cannot stand in
// one; two characters stand for it, and two for the one that they begin with, so that keys have the order
// of their parts and no two lists of parts become one key:
//
//	00 → 01 01     01 → 01 02     everything else → itself
func join(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = escape(p)
	}
	return strings.Join(escaped, "\x00")
}

func split(key string) []string {
	parts := strings.Split(key, "\x00")
	for i, p := range parts {
		parts[i] = unescape(p)
	}
	return parts
}

func escape(s string) string {
	if !strings.ContainsAny(s, "\x00\x01") {
		return s
	}
	return strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02").Replace(s)
}

func unescape(s string) string {
	if !strings.Contains(s, "\x01") {
		return s
	}
	return strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01").Replace(s)
}

// within is the keys that begin with these parts.
func within(parts ...string) bson.D {
	prefix := join(parts...)
	return bson.D{{Key: "$gte", Value: prefix + "\x00"}, {Key: "$lt", Value: prefix + "\x01"}}
}

// recordKey is the _id of a record. Its last part is the end of the key and stays as it is, so that ids are
// compared, and begin with one another, as they do.
func recordKey(t id.Tenant, docID string) string { return escape(string(t)) + "\x00" + docID }

func ofRecordKey(key string) (id.Tenant, string) {
	tenant, docID, _ := strings.Cut(key, "\x00")
	return id.Tenant(unescape(tenant)), docID
}

// value is v in a document; None is null in a query, which matches where nothing is, and is left out of
// documents.
func value(v store.Value) any {
	switch v.Kind {
	case store.TextKind:
		return v.Text
	case store.IntKind:
		return v.Int
	}
	return nil
}

// date is a time as it is stored.
func date(t time.Time) bson.DateTime { return bson.NewDateTimeFromTime(t) }

// moment is a stored time; an absent one is the zero time.
func moment(d *bson.DateTime) time.Time {
	if d == nil {
		return time.Time{}
	}
	return d.Time().UTC()
}

// live is the condition that a document has not expired.
func live(now time.Time) bson.E {
	return bson.E{Key: "expires", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$lte", Value: date(now)}}}}}
}
