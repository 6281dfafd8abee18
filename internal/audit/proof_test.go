package audit_test

import (
	"fmt"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/audit"
	"github.com/cardea-auth/cardea/internal/kit/errs"
)

func (h *house) prove(seq int64, personal bool) audit.Proof {
	h.t.Helper()
	p, err := h.Prove(h.t.Context(), h.admin, seq, personal)
	if err != nil {
		h.t.Fatalf("proving event %d: %v", seq, err)
	}
	return p
}

// carried is a proof after it was written down and read again, by somebody without the database.
func carried(t testing.TB, p audit.Proof) audit.Proof {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back audit.Proof
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestProofs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(1)
	h.settle()
	keys := h.prove(1, true).Keys
	if err := carried(t, h.prove(1, true)).Check(keys...); err != nil {
		t.Errorf("in a log of two: %v", err)
	}
	h.happen(270)
	h.settle()
	for _, seq := range []int64{1, 2, 127, 128, 129, 256, 271, 272} {
		for _, personal := range []bool{true, false} {
			p := carried(t, h.prove(seq, personal))
			if err := p.Check(keys...); err != nil {
				t.Errorf("event %d: %v", seq, err)
			}
			if seq != 2 && personal != (p.Event.Personal["email"] != "") {
				t.Errorf("event %d: the personal part is %v", seq, p.Event.Personal)
			}
		}
	}
	for _, seq := range []int64{0, -1, 273, 1 << 40} {
		if _, err := h.Prove(t.Context(), h.admin, seq, true); !errs.Is(err, errs.NotFound) {
			t.Errorf("event %d: %v", seq, err)
		}
	}
	// An erased event is still proved, without its personal part.
	if _, err := h.Erase(t.Context(), h.admin, "p3"); err != nil {
		t.Fatal(err)
	}
	h.settle()
	if err := carried(t, h.prove(6, true)).Check(keys...); err != nil {
		t.Errorf("an erased event: %v", err)
	}
}

func TestForgedProofs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(20)
	h.settle()
	good := h.prove(7, true)
	other := newHouse(t)
	other.happen(20)
	other.settle()
	if err := good.Check(); err == nil {
		t.Error("no trusted key, and the proof is good")
	}
	if err := good.Check(other.prove(7, true).Keys...); err == nil {
		t.Error("good by the key of another server")
	}
	if err := good.Check("nonsense"); err == nil {
		t.Error("good by nonsense")
	}
	for name, change := range map[string]func(*audit.Proof){
		"kind":              func(p *audit.Proof) { p.Event.Kind = "user.deleted" },
		"public":            func(p *audit.Proof) { p.Event.Public["n"] = "forged" },
		"personal":          func(p *audit.Proof) { p.Event.Personal["email"] = "forged" },
		"personal, no salt": func(p *audit.Proof) { p.Event.Salt = "" },
		"salt":              func(p *audit.Proof) { p.Event.Salt += "x" },
		"digest":            func(p *audit.Proof) { p.Event.Digest = "" },
		"id":                func(p *audit.Proof) { p.EventID = "x" },
		"number":            func(p *audit.Proof) { p.Event.Seq++ },
		"no number":         func(p *audit.Proof) { p.Event.Seq = 0 },
		"huge number":       func(p *audit.Proof) { p.Event.Seq = 1 << 62 },
		"path":              func(p *audit.Proof) { p.Path[0] = p.Path[1] },
		"short path":        func(p *audit.Proof) { p.Path = p.Path[1:] },
		"long path":         func(p *audit.Proof) { p.Path = append(p.Path, p.Path[0]) },
		"no path":           func(p *audit.Proof) { p.Path = nil },
		"nonsense path":     func(p *audit.Proof) { p.Path[0] = "nonsense" },
		"checkpoint":        func(p *audit.Proof) { p.Checkpoint = other.prove(7, true).Checkpoint },
		"no checkpoint":     func(p *audit.Proof) { p.Checkpoint = "" },
		"form":              func(p *audit.Proof) { p.Form = "" },
		"no event":          func(p *audit.Proof) { p.Event = nil },
		"unknown member":    func(p *audit.Proof) { p.Event.Unknown = []byte(`{"x":1}`) },
	} {
		p := carried(t, good)
		if err := p.Check(good.Keys...); err != nil {
			t.Fatalf("%s: the proof is bad before: %v", name, err)
		}
		change(&p)
		if err := p.Check(good.Keys...); err == nil {
			t.Errorf("%s: a forged proof is good", name)
		}
	}
	// The server does not prove what is not so.
	exec(t, h.sql(), `UPDATE c_event SET body = json_set(body, '$.public.n', 'forged') WHERE x_seq = 7`)
	if _, err := h.Prove(t.Context(), h.admin, 7, true); errs.CodeOf(err) != audit.CodeTampered {
		t.Errorf("a changed event: %v", err)
	}
}

func FuzzProof(f *testing.F) {
	h := newHouse(f)
	h.happen(20)
	h.settle()
	good := h.prove(7, true)
	text, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{}`)
	f.Add(`{"form":"cardea.audit.proof/1","event":{"seq":1},"checkpoint":"x"}`)
	f.Add(fmt.Sprintf(`{"form":"cardea.audit.proof/1","event":{"seq":9223372036854775807},"checkpoint":%q}`, good.Checkpoint))
	f.Fuzz(func(t *testing.T, text string) {
		var p audit.Proof
		if json.Unmarshal([]byte(text), &p) != nil || p.Check(good.Keys...) != nil {
			return
		}
		if p.Event.Kind != good.Event.Kind || p.Event.Public["n"] != good.Event.Public["n"] || p.EventID != good.EventID {
			t.Errorf("a good proof of something else: %s", text)
		}
	})
}
