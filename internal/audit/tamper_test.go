package audit_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// tables are what a tamperer may touch, and what is put back after each falsification.
var tables = [...]string{"c_event", "c_audit_head", "c_audit_hash", "c_audit_checkpoint"}

// forger falsifies a log of n sealed events, directly in the database.
type forger struct {
	t  testing.TB
	db *sql.DB
	r  *mathrand.Rand
	n  int
	// did says what was done, for the message when it is not found.
	did string
}

// tamper is one way to falsify a log.
type tamper struct {
	name string
	do   func(f *forger)
}

func (f *forger) seq() int { return 1 + f.r.IntN(f.n) }

func (f *forger) exec(query string, args ...any) { exec(f.t, f.db, query, args...) }

// edit changes the body of a random event by change, which says what it did, or "" for nothing.
func edit(change func(f *forger, e map[string]any) string) func(*forger) {
	return func(f *forger) {
		seq := f.seq()
		var body []byte
		if err := f.db.QueryRow(`SELECT body FROM c_event WHERE x_seq = ?`, seq).Scan(&body); err != nil {
			f.t.Fatal(err)
		}
		e := map[string]any{}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&e); err != nil {
			f.t.Fatal(err)
		}
		did := change(f, e)
		if did == "" { // this one cannot be changed so
			edit(change)(f)
			return
		}
		f.did = fmt.Sprintf("event %d: %s", seq, did)
		changed, err := json.Marshal(e)
		if err != nil {
			f.t.Fatal(err)
		}
		f.exec(`UPDATE c_event SET body = ? WHERE x_seq = ?`, string(changed), seq)
	}
}

// mutate is v, changed in one place.
func (f *forger) mutate(v any) any {
	switch x := v.(type) {
	case string:
		if at, err := time.Parse(time.RFC3339Nano, x); err == nil {
			steps := []time.Duration{-time.Hour, time.Microsecond, time.Millisecond, time.Second, 24 * time.Hour}
			return at.Add(steps[f.r.IntN(len(steps))]).Format(time.RFC3339Nano)
		}
		switch i := f.r.IntN(len(x) + 1); {
		case i == len(x):
			return x + "x"
		case f.r.IntN(2) == 0:
			return x[:i] + x[i+1:]
		default:
			return x[:i] + string('a'+(x[i]-'a'+1+byte(f.r.IntN(20)))%26) + x[i+1:]
		}
	case json.Number:
		return json.Number(fmt.Sprint(1+f.r.IntN(2*f.n)) + "0")
	case map[string]any:
		k := f.member(x)
		switch f.r.IntN(3) {
		case 0:
			delete(x, k)
		case 1:
			x[k+"x"] = x[k]
		default:
			x[k] = f.mutate(x[k])
		}
		return x
	}
	return "forged"
}

func (f *forger) member(m map[string]any) string {
	names := slices.Sorted(maps.Keys(m))
	return names[f.r.IntN(len(names))]
}

// flip changes one character of base64 in a stored document.
func (f *forger) flip(table, member string) {
	var id, text string
	if err := f.db.QueryRow(`SELECT id, json_extract(body, '$.`+member+`') FROM `+table+` ORDER BY id LIMIT 1 OFFSET ?`, 0).Scan(&id, &text); err != nil {
		f.t.Fatal(err)
	}
	i := f.r.IntN(len(text) - 4)
	c := byte('A')
	if text[i] == 'A' {
		c = 'B'
	}
	f.did = fmt.Sprintf("%s %s: character %d of %s", table, id, i, member)
	f.exec(`UPDATE `+table+` SET body = json_set(body, '$.`+member+`', ?) WHERE id = ?`, text[:i]+string(c)+text[i+1:], id)
}

const insertCopy = `INSERT INTO c_event (tenant, id, version, expires, batch, body, x_seq, x_at, x_kind, x_actor, x_object, x_person) ` +
	`SELECT tenant, id || '-forged', version, expires, batch, %s, %s, x_at, x_kind, x_actor, x_object, x_person FROM c_event WHERE x_seq = ?`

func tampers() []tamper {
	return slices.Concat(editing(), shifting(), []tamper{
		{"peaks", func(f *forger) { f.flip("c_audit_head", "peaks") }},
		{"stored hashes", func(f *forger) { f.flip("c_audit_hash", "hashes") }},
		{"newest checkpoint", func(f *forger) { f.flip("c_audit_head", "checkpoint") }},
		{"kept checkpoint", func(f *forger) { f.flip("c_audit_checkpoint", "note") }},
		{"size in the head", func(f *forger) { f.exec(`UPDATE c_audit_head SET body = json_set(body, '$.size', ?)`, f.seq()-1) }},
		{"size of a kept checkpoint", func(f *forger) {
			f.exec(`UPDATE c_audit_checkpoint SET body = json_set(body, '$.size', ?)`, f.n+f.seq())
		}},
		{"drop head", func(f *forger) { f.exec(`DELETE FROM c_audit_head`) }},
		{"drop hashes", func(f *forger) { f.exec(`DELETE FROM c_audit_hash`) }},
		{"shorten hashes", func(f *forger) { f.exec(`UPDATE c_audit_hash SET body = '{"hashes":""}'`) }},
	})
}

func editing() []tamper {
	one := tamper{"edit a member", edit(func(f *forger, e map[string]any) string {
		k := f.member(e)
		if k == "salt" && len(e) > 0 { // a salt alone; with its text it would be an erasure, which has a case
			e[k] = e[k].(string) + "x"
			return "salt"
		}
		e[k] = f.mutate(e[k])
		return k
	})}
	drop := tamper{"drop a member", edit(func(f *forger, e map[string]any) string {
		k := f.member(e)
		delete(e, k)
		return k
	})}
	return []tamper{
		one, one, one, one, drop, drop,
		{"empty a member", edit(func(f *forger, e map[string]any) string {
			k := f.member(e)
			for k == "public" || k == "personal" || k == "seq" || k == "at" { // of other types
				k = f.member(e)
			}
			e[k] = ""
			return k
		})},
		{"add a member", edit(func(f *forger, e map[string]any) string {
			names := []string{"actor_home", "session", "client", "because", "request", "unknown", "severity", "_sealed"}
			k := names[f.r.IntN(len(names))]
			if k == "_sealed" {
				e[k] = map[string]string{"x": "AAAA"}
			} else {
				e[k] = "forged"
			}
			return k
		})},
		{"add a microsecond", edit(func(_ *forger, e map[string]any) string {
			at, err := time.Parse(time.RFC3339Nano, e["at"].(string))
			e["at"] = at.Add(time.Microsecond).Format(time.RFC3339Nano)
			return fmt.Sprint("at", err)
		})},
		{"add to public", edit(func(_ *forger, e map[string]any) string {
			p, _ := e["public"].(map[string]any)
			if p == nil {
				p = map[string]any{}
				e["public"] = p
			}
			p["forged"] = ""
			return "public"
		})},
		{"move between public and personal", edit(func(f *forger, e map[string]any) string {
			p, _ := e["personal"].(map[string]any)
			q, _ := e["public"].(map[string]any)
			if q == nil {
				q = map[string]any{}
			}
			if p == nil {
				p = map[string]any{"x": ""}
			}
			k := f.member(p)
			q[k] = p[k]
			delete(p, k)
			e["public"], e["personal"] = q, p
			return k
		})},
		{"erase in secret", edit(func(_ *forger, e map[string]any) string {
			if e["salt"] == "" {
				return "" // it was erased openly before
			}
			delete(e, "personal")
			e["salt"] = ""
			return "personal and salt"
		})},
		{"keep personal without salt", edit(func(_ *forger, e map[string]any) string {
			e["salt"], e["personal"] = "", map[string]string{"address": "192.0.2.66"}
			return "salt"
		})},
		{"write a digest to fit", edit(func(_ *forger, e map[string]any) string {
			e["personal"], e["salt"], e["digest"] = map[string]string{}, "", strings.Repeat("0", 64)
			return "digest"
		})},
		{"spoil body", func(f *forger) { f.exec(`UPDATE c_event SET body = '{' WHERE x_seq = ?`, f.seq()) }},
		{"name a member twice", func(f *forger) {
			f.exec(`UPDATE c_event SET body = replace(body, '"kind":', '"kind":"forged","kind":') WHERE x_seq = ?`, f.seq())
		}},
		{"let it expire", func(f *forger) { f.exec(`UPDATE c_event SET expires = 1 WHERE x_seq = ?`, f.seq()) }},
		{"let it expire later", func(f *forger) {
			f.exec(`UPDATE c_event SET expires = ? WHERE x_seq = ?`, int64(1)<<50, f.seq())
		}},
		{"rename", func(f *forger) { f.exec(`UPDATE c_event SET id = id || 'x' WHERE x_seq = ?`, f.seq()) }},
		{"move to another tenant", func(f *forger) { f.exec(`UPDATE c_event SET tenant = 'other' WHERE x_seq = ?`, f.seq()) }},
	}
}

func shifting() []tamper {
	return []tamper{
		{"delete", func(f *forger) { f.exec(`DELETE FROM c_event WHERE x_seq = ?`, f.seq()) }},
		{"delete some", func(f *forger) {
			at := f.seq()
			f.exec(`DELETE FROM c_event WHERE x_seq BETWEEN ? AND ?`, at, at+f.r.IntN(5))
		}},
		{"delete and close the gap", func(f *forger) {
			at := f.seq()
			f.exec(`DELETE FROM c_event WHERE x_seq = ?`, at)
			if at < f.n {
				f.exec(`UPDATE c_event SET x_seq = x_seq - 1, body = json_set(body, '$.seq', x_seq - 1) WHERE x_seq > ?`, at)
			}
		}},
		{"unseal", func(f *forger) { f.exec(`UPDATE c_event SET x_seq = 0 WHERE x_seq = ?`, f.seq()) }},
		{"unseal altogether", func(f *forger) {
			f.exec(`UPDATE c_event SET x_seq = 0, body = json_remove(body, '$.seq', '$.digest') WHERE x_seq = ?`, f.seq())
		}},
		{"number below zero", func(f *forger) { f.exec(`UPDATE c_event SET x_seq = -1 WHERE x_seq = ?`, f.seq()) }},
		{"insert a copy", func(f *forger) { f.exec(fmt.Sprintf(insertCopy, "body", "x_seq"), f.seq()) }},
		{"append a copy", func(f *forger) {
			f.exec(fmt.Sprintf(insertCopy, fmt.Sprintf("json_set(body, '$.seq', %d)", f.n+1), fmt.Sprint(f.n+1)), f.seq())
		}},
		{"append far away", func(f *forger) {
			f.exec(fmt.Sprintf(insertCopy, fmt.Sprintf("json_set(body, '$.seq', %d)", f.n+9), fmt.Sprint(f.n+9)), f.seq())
		}},
		{"insert below zero", func(f *forger) { f.exec(fmt.Sprintf(insertCopy, "json_set(body, '$.seq', -5)", "-5"), f.seq()) }},
		{"swap bodies", func(f *forger) {
			a, b := f.two()
			f.exec(`UPDATE c_event SET body = CASE x_seq WHEN ? THEN (SELECT body FROM c_event WHERE x_seq = ?) ELSE (SELECT body FROM c_event WHERE x_seq = ?) END WHERE x_seq IN (?, ?)`, a, b, a, a, b)
		}},
		{"swap numbers", func(f *forger) {
			a, b := f.two()
			f.exec(`UPDATE c_event SET x_seq = ? - x_seq, body = json_set(body, '$.seq', ? - x_seq) WHERE x_seq IN (?, ?)`, a+b, a+b, a, b)
		}},
		{"swap numbers in the index", func(f *forger) {
			a, b := f.two()
			f.exec(`UPDATE c_event SET x_seq = ? - x_seq WHERE x_seq IN (?, ?)`, a+b, a, b)
		}},
		{"cut the tail", func(f *forger) { f.exec(`DELETE FROM c_event WHERE x_seq > ?`, f.n-1-f.r.IntN(f.n/2)) }},
		{"cut the tail and the head", func(f *forger) {
			f.exec(`DELETE FROM c_event`)
			f.exec(`DELETE FROM c_audit_head`)
			f.exec(`DELETE FROM c_audit_hash`)
			f.exec(`DELETE FROM c_audit_checkpoint`)
		}},
	}
}

func (f *forger) two() (int, int) {
	a := f.seq()
	return a, 1 + (a+f.r.IntN(f.n-1))%f.n
}

// R21: every falsification made directly in the database is found.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	rounds := 1000
	if testing.Short() {
		rounds = 200
	}
	h := newHouse(t)
	h.happen(40)
	h.settle()
	h.clock.Advance(time.Hour)
	if _, err := h.Erase(t.Context(), h.admin, "p3"); err != nil {
		t.Fatal(err)
	}
	h.happen(30)
	h.settle()
	intact := h.mustVerify("")
	f := &forger{t: t, db: h.sql(), r: mathrand.New(mathrand.NewPCG(1, 2)), n: int(intact.Sealed)}
	for _, table := range tables {
		if _, err := f.db.Exec(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table); err != nil {
			t.Fatal(err)
		}
	}
	all := tampers()
	for round := range rounds {
		x := all[round%len(all)]
		f.did = ""
		x.do(f)
		if report := h.verify(intact.Checkpoint); report.OK || report.Problem == "" {
			t.Errorf("%s (%s): not found", x.name, f.did)
		}
		for _, table := range tables {
			if _, err := f.db.Exec(`DELETE FROM ` + table + `; INSERT INTO ` + table + ` SELECT * FROM kept_` + table); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.mustVerify(intact.Checkpoint)
}

// The report names the event that is wrong, not only that something is.
func TestTheFirstBadEventIsNamed(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct{ forge, says string }{
		"public":   {`UPDATE c_event SET body = json_set(body, '$.public.n', 'forged') WHERE x_seq = 17`, "Event 17 was changed"},
		"personal": {`UPDATE c_event SET body = json_set(body, '$.personal.email', 'forged') WHERE x_seq = 17`, "personal part of event 17"},
		"gone":     {`DELETE FROM c_event WHERE x_seq = 17`, "Event 17 is missing"},
		"spoilt":   {`UPDATE c_event SET body = '{' WHERE x_seq = 17`, "Event 17 cannot be read"},
		"erased":   {`UPDATE c_event SET body = json_set(json_remove(body, '$.personal'), '$.salt', '') WHERE x_seq = 17`, "personal part of event 17 was removed"},
	} {
		h := newHouse(t)
		h.happen(40)
		h.settle()
		db := h.sql()
		exec(t, db, x.forge)
		if r := h.verify(""); r.OK || r.BadSeq != 17 || !strings.Contains(r.Problem, x.says) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	// The events are whole, and the hashes that proofs are made of are not.
	h := newHouse(t)
	h.happen(40)
	h.settle()
	(&forger{t: t, db: h.sql(), r: mathrand.New(mathrand.NewPCG(1, 2))}).flip("c_audit_hash", "hashes")
	if r := h.verify(""); r.OK || !strings.Contains(r.Problem, "stored hash") {
		t.Errorf("a stored hash: %+v", r)
	}
}

// Events and stored hashes that agree with each other are measured by what was signed.
func TestAWholeForgedHistoryIsFound(t *testing.T) {
	t.Parallel()
	h, forged := newHouse(t), newHouse(t)
	for _, x := range []*house{h, forged} {
		x.happen(10)
		x.settle()
		x.clock.Advance(time.Hour)
	}
	db := h.sql()
	db.SetMaxOpenConns(1) // ATTACH belongs to a connection
	if _, err := db.Exec(`CREATE TABLE kept AS SELECT * FROM c_event`); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*house{h, forged} {
		x.happen(10)
		x.settle()
	}
	exec(t, db, `ATTACH ? AS forged; DELETE FROM c_event; DELETE FROM c_audit_hash; INSERT INTO c_event SELECT * FROM forged.c_event; INSERT INTO c_audit_hash SELECT * FROM forged.c_audit_hash`, forged.path)
	if r := h.verify(""); r.OK || r.BadSeq != 1 || !strings.Contains(r.Problem, "from 1 to 11 was changed") {
		t.Errorf("all of it: %+v", r)
	}
	// The first hour is the true one; then the hour that was forged is named.
	exec(t, db, `DELETE FROM c_event WHERE x_seq <= 11; INSERT INTO c_event SELECT * FROM kept`)
	if r := h.verify(""); r.OK || r.BadSeq == 0 || r.Sealed < 11 {
		t.Errorf("the second hour: %+v", r)
	}
}

// An event that is hidden from a search is found by VerifyIndexes alone.
func TestTamperedIndexesAreFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(40)
	h.settle()
	h.happen(2) // unsealed ones are in the indexes, too
	db := h.sql()
	for _, change := range []string{"x_kind = 'user.updatee'", "x_kind = NULL", "x_actor = 'oq'", "x_object = 'u'", "x_person = 'p'", "x_at = x_at + 1", "x_seq = 100000"} {
		column, _, _ := strings.Cut(change, " ")
		var old any
		if err := db.QueryRow(`SELECT ` + column + ` FROM c_event WHERE json_extract(body, '$.public.n') = '30'`).Scan(&old); err != nil {
			t.Fatal(err)
		}
		exec(t, db, `UPDATE c_event SET `+change+` WHERE json_extract(body, '$.public.n') = '30'`)
		r, err := h.VerifyIndexes(t.Context(), h.admin)
		if err != nil || r.OK || r.BadSeq != 31 {
			t.Errorf("%s: %+v, %v", change, r, err)
		}
		exec(t, db, `UPDATE c_event SET `+column+` = ? WHERE json_extract(body, '$.public.n') = '30'`, old)
	}
	if r, err := h.VerifyIndexes(t.Context(), h.admin); err != nil || !r.OK || r.Sealed != 43 {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
}

// Going back to an older state of everything is told only by a checkpoint that was kept elsewhere.
func TestShortenedLogWithItsOldCheckpoint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(10)
	h.settle()
	db := h.sql()
	for _, table := range tables {
		if _, err := db.Exec(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table); err != nil {
			t.Fatal(err)
		}
	}
	h.happen(5)
	h.settle()
	pinned := h.mustVerify("").Checkpoint
	for _, table := range tables {
		if _, err := db.Exec(`DELETE FROM ` + table + `; INSERT INTO ` + table + ` SELECT * FROM kept_` + table); err != nil {
			t.Fatal(err)
		}
	}
	if r := h.verify(""); !r.OK {
		t.Errorf("without a kept checkpoint this cannot be told: %+v", r)
	}
	if r := h.verify(pinned); r.OK || !strings.Contains(r.Problem, "shorter") {
		t.Errorf("with a kept checkpoint: %+v", r)
	}
	// A fork: the log goes on from the older state, past the size of the checkpoint.
	h.happen(20)
	h.settle()
	h.mustVerify("")
	if r := h.verify(pinned); r.OK || !strings.Contains(r.Problem, "that you have kept") {
		t.Errorf("a fork: %+v", r)
	}
}
