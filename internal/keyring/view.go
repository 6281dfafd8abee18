package keyring

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// view is a tenant's keys as of one moment. It is not changed but replaced.
type view struct {
	loaded   time.Time
	active   map[slot]*key
	byID     map[string]*key   // keys whose signatures count
	byHeader map[string]header // the same, by the header that they write
	notes    []*key            // all that ever signed checkpoints, revoked ones too
	issuer   Set
	context  Set
}

// key is a key in memory.
type key struct {
	pair
	id      string
	purpose Purpose
	state   State
	version int64           // of the document that it was read from
	headers map[Kind]string // base64url of the header, and the dot
}

// header is what stands behind a header that one of our keys writes.
type header struct {
	key  *key
	kind Kind
}

// newView makes a view of docs. Keys that did not change since old are taken from it: reading a
// private key costs more than signing with it.
func newView(docs []*document, old *view, now time.Time, cache time.Duration) (*view, error) {
	v := &view{loaded: now, active: map[slot]*key{}, byID: map[string]*key{}, byHeader: map[string]header{}}
	slices.SortFunc(docs, func(a, b *document) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	var issuer, context []*key
	for _, d := range docs {
		k, err := keyOf(d, old)
		if err != nil {
			return nil, err
		}
		switch {
		case d.Purpose == Checkpoints && k.public != nil:
			v.notes = append(v.notes, k)
		case d.State == Revoked || k.public == nil:
			continue
		case d.Purpose == Context:
			context = append(context, k)
		case d.Purpose == Tokens, d.Purpose == Logout:
			issuer = append(issuer, k)
		}
		v.add(d, k)
	}
	var err error
	if v.issuer, err = newSet(issuer, cache); err != nil {
		return nil, err
	}
	v.context, err = newSet(context, cache)
	return v, err
}

// add makes k known to those who sign and verify. A revoked key is known to nobody.
func (v *view) add(d *document, k *key) {
	if d.State == Revoked {
		return
	}
	v.byID[k.id] = k
	for kind, h := range k.headers {
		v.byHeader[h] = header{key: k, kind: kind}
	}
	if d.State == Active && k.private != nil {
		v.active[d.slot()] = k
	}
}

func keyOf(d *document, old *view) (*key, error) {
	if old != nil {
		if k := old.byID[d.ID]; k != nil && k.version == d.Version {
			return k, nil
		}
	}
	p, err := openPair(d.Alg, d.Private, d.Public)
	if err != nil {
		return nil, err
	}
	k := &key{pair: p, id: d.ID, purpose: d.Purpose, state: d.State, version: d.Version, headers: map[Kind]string{}}
	for _, kind := range kindsOf(d.Purpose) {
		k.headers[kind] = headerText(d.Alg, d.ID, kind)
	}
	return k, nil
}

// headerText is the header of a token, encoded, with the dot that follows it. Neither algorithm, kid
// nor type needs escaping in JSON.
func headerText(alg Alg, kid string, kind Kind) string {
	text := `{"alg":"` + string(alg) + `","kid":"` + kid + `","typ":"` + kind.typ() + `"}`
	return base64.RawURLEncoding.EncodeToString([]byte(text)) + "."
}
