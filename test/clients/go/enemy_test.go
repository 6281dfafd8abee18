package clients_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/store/postgres/pgtest"
	"github.com/cardea-auth/cardea/test/proof"
)

// TestNodesNewEnemy takes a right away at one node, writes content there, and asks another with the revision
// that the second write told (Zanzibar, section 2.2). The other node hears of nothing but what it looks up
// itself, four times a second, and all that it reads is delayed. Without a revision it often answers that the
// right is still there; with it never.
func TestNodesNewEnemy(t *testing.T) {
	t.Parallel()
	uri := pgtest.URL(t)
	env := []string{"CARDEA_LIMITS_CREDENTIAL_ADDRESS=off"}
	line, through := startRelay(t, pgtest.With(t, uri, tailOnly, "true"))
	one := startServer(t, launch{env: append(env, "CARDEA_DATABASE_URL="+uri), mayFail: true})
	other := one.join(t, launch{env: append(env, "CARDEA_DATABASE_URL="+through), mayFail: true}, one.masterKey(t))
	line.delay.Store(int64(20 * time.Millisecond))
	f := one.manager(t).fga(t, "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n    define version: [user]\n")
	e := &enemy{fga: f, one: one, other: other}
	const people = 16
	rounds := 100
	if proof.Long() {
		rounds = 500 * proof.Rounds(t, 1)
	}
	var all sync.WaitGroup
	for person := range people {
		all.Go(func() {
			for round := person; round < rounds && !t.Failed(); round += people {
				if err := e.round(fmt.Sprintf("p%d", round)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if e.stale.Load() == 0 {
		t.Error("the other node was never behind: nothing is shown")
	}
	proof.Figures(t, "rounds", rounds, "wrong with a revision", e.wrong.Load(), "behind without one", e.stale.Load(), "refused with 503", e.refused.Load())
}

// enemy is somebody who loses a right at one node and asks at another.
type enemy struct {
	fga
	one, other *server

	stale, wrong, refused atomic.Int64
}

func (e *enemy) round(name string) error {
	viewer := object{"tuple_keys": []tupleKey{{"user:" + name, "viewer", "doc:d"}}}
	content := object{"tuple_keys": []tupleKey{{"user:" + name, "version", "doc:d"}}}
	var revision string
	for _, change := range []object{{"writes": viewer}, {"deletes": viewer}, {"writes": content}} {
		told, _, err := e.send(e.one, "write", change, "")
		if err != nil {
			return err
		}
		if revision == "" { // the other node shall know of the right before it is taken away
			if _, allowed, err := e.send(e.other, "check", object{"tuple_key": tupleKey{"user:" + name, "viewer", "doc:d"}}, told); err != nil || !allowed {
				return fmt.Errorf("%s was given the right and is not told so: %w", name, err)
			}
		}
		revision = told
	}
	question := object{"tuple_key": tupleKey{"user:" + name, "viewer", "doc:d"}}
	if _, allowed, err := e.send(e.other, "check", question, ""); err != nil {
		return err
	} else if allowed {
		e.stale.Add(1)
	}
	if _, allowed, err := e.send(e.other, "check", question, revision); err != nil {
		return err
	} else if allowed {
		e.wrong.Add(1)
		return fmt.Errorf("%s lost the right and is told otherwise at revision %s", name, revision)
	}
	return nil
}

// send sends a question or a change to a node, with a revision that the answer must know of. Whoever cannot
// know says so, and is asked again.
func (e *enemy) send(at *server, what string, body any, revision string) (told string, allowed bool, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", false, err
	}
	r, err := http.NewRequest(http.MethodPost, at.issuer+"/stores/"+e.id+"/"+what, bytes.NewReader(text))
	if err != nil {
		return "", false, err
	}
	r.Header.Set("Authorization", "Bearer "+e.key)
	r.Header.Set("Content-Type", "application/json")
	if revision != "" {
		r.Header.Set("Cardea-Revision", revision)
	}
	a, err := send(at.client(), r)
	if err == nil && a.status == http.StatusServiceUnavailable && what == "check" {
		e.refused.Add(1)
		return e.send(at, what, body, revision)
	}
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("%s: %s", what, a)
	}
	var said struct{ Allowed bool }
	if err == nil {
		err = json.Unmarshal(a.body, &said)
	}
	return a.header.Get("Cardea-Revision"), said.Allowed, err
}

// pass carries what a connection brings, each piece late by as much as the relay says, at random.
func (r *relay) pass(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if late := r.delay.Load(); late > 0 {
			<-time.After(rand.N(time.Duration(late)))
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
