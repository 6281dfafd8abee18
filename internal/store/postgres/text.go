package postgres

import (
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
)

// PostgreSQL's text cannot hold NUL. Two characters stand for it, and two for the one that they begin
// with, so that the order of the bytes stays what it was and no two texts become one:
//
//	00 → 01 01     01 → 01 02     everything else → itself
//
// Bodies are JSON and never hold either as they are.
const escaped = "\x00\x01"

func toText(s string) string {
	if !strings.ContainsAny(s, escaped) {
		return s
	}
	return strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02").Replace(s)
}

func fromText(s string) string {
	if !strings.Contains(s, "\x01") {
		return s
	}
	return strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01").Replace(s)
}

func tenantText(t id.Tenant) string { return toText(string(t)) }

// value is the parameter for v.
func value(v store.Value) any {
	switch v.Kind {
	case store.TextKind:
		return toText(v.Text)
	case store.IntKind:
		return v.Int
	}
	return nil
}

func values(list []store.Value) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = value(v)
	}
	return out
}

// millis is a time as it is stored; the zero time is NULL.
func millis(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}

// moment is a stored time; NULL is the zero time.
func moment(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms).UTC()
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}
