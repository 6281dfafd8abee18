package mail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/mail"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

// tray is a Sender that keeps what it was given, also what it then says it has not taken.
type tray struct {
	mu     sync.Mutex
	mails  []mail.Mail
	answer func(mail.Mail) error // nil: takes everything
}

func (s *tray) Send(_ context.Context, m mail.Mail) error {
	s.mu.Lock()
	s.mails = append(s.mails, m)
	answer := s.answer
	s.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(m)
}

func (s *tray) set(answer func(mail.Mail) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// count is how often each mail was handed over, by id.
func (s *tray) count() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[string]int{}
	for _, m := range s.mails {
		n[m.ID]++
	}
	return n
}

// house is a store with a relay.
type house struct {
	*testing.T
	db    *store.DB
	clock *storetest.Clock
	out   *tray
	relay *mail.Relay
}

func newHouse(t *testing.T, options ...storetest.Option) *house {
	t.Helper()
	h := &house{T: t, clock: storetest.NewClock(), out: &tray{}}
	h.db = storetest.NewDB(t, append([]storetest.Option{storetest.WithClock(h.clock)}, options...)...)
	h.relay = h.node(nil)
	return h
}

// node is another relay over the same store.
func (h *house) node(change func(*mail.RelayConfig)) *mail.Relay {
	h.Helper()
	c := mail.RelayConfig{
		DB: h.db, Guard: storetest.Guard(h.clock.Now), Templates: templates(h.T), Sender: h.out,
		Tenants: func(_ context.Context, yield func(id.Tenant) error) error {
			return errors.Join(yield(id.Default), yield("other"))
		},
	}
	if change != nil {
		change(&c)
	}
	r, err := mail.NewRelay(c)
	if err != nil {
		h.Fatal(err)
	}
	r.Hurry()
	return r
}

// post commits messages as a domain would.
func (h *house) post(t id.Tenant, messages ...store.Message) {
	h.Helper()
	_, err := h.db.Commit(h.Context(), store.Batch{Permit: storetest.Permit(t, "outbox.send"), Outbox: messages})
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) note(lives time.Duration) store.Message {
	m := message(mail.Recover)
	m.Expires = h.clock.Now().Add(lives)
	return m
}

// records are all of the outbox of t, by state.
func (h *house) records(t id.Tenant) map[string][]*store.OutboxRecord {
	h.Helper()
	p, err := h.db.Outbox().In(t).Find(h.Context(), store.Query{Request: page.Request{Limit: page.MaxLimit}})
	if err != nil {
		h.Fatal(err)
	}
	out := map[string][]*store.OutboxRecord{}
	for _, m := range p.Items {
		out[m.State] = append(out[m.State], m)
	}
	return out
}

// one is the only record there is, which must have the given state; done with, it must be wiped.
func (h *house) one(state string) *store.OutboxRecord {
	h.Helper()
	all := h.records(id.Default)
	if len(all) != 1 || len(all[state]) != 1 {
		h.Fatalf("records: %v; want one that is %s", all, state)
	}
	m := all[state][0]
	if m.Envelope.Empty() == (state == store.OutboxWaiting) {
		h.Errorf("the envelope of a message that is %s: empty is %t", state, m.Envelope.Empty())
	}
	if _, sealed := m.Sealed["envelope"]; sealed == (state != store.OutboxWaiting) {
		h.Errorf("the sealed envelope of a message that is %s is there: %t", state, sealed)
	}
	return m
}

func TestRelaySends(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.post(id.Default, h.note(time.Hour))
	h.relay.Pass(t.Context())
	h.relay.Pass(t.Context())
	m := h.one(store.OutboxSent)
	got := h.out.mails
	if len(got) != 1 || got[0].ID != m.ID || got[0].Tenant != id.Default || got[0].To != "ada@example.com" ||
		!strings.Contains(got[0].Text, link) || !strings.Contains(got[0].Text, "60 minutes") {
		t.Errorf("sent: %#v", got)
	}
	if s := h.relay.Stats(); s.Sent != 1 || s.LastSent.IsZero() || s.LastErr != nil || h.relay.Check() != nil || m.Tries != 1 {
		t.Errorf("%+v, %v, %d tries", s, h.relay.Check(), m.Tries)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", got[0], got, got[0], got[0].LogValue()); strings.Contains(text, "token") {
		t.Errorf("printing a mail shows the link: %s", text)
	}
}

// A mail leaves soon after Wake, and not because of the poll.
func TestRelayWakes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	arrived := make(chan mail.Mail, 1)
	h.out.set(func(m mail.Mail) error { arrived <- m; return nil })
	r := h.node(func(c *mail.RelayConfig) { c.Poll = time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	for range 3 {
		h.post("other", h.note(time.Hour))
		began := time.Now()
		r.Wake("other")
		select {
		case <-arrived:
			t.Logf("left after %s", time.Since(began))
		case <-time.After(10 * time.Second):
			t.Fatal("no mail left")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := len(h.records("other")[store.OutboxSent]); n != 3 {
		t.Errorf("%d are noted as sent", n)
	}
}

// More than a batch leaves without another Wake.
func TestRelayEmptiesTheOutbox(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const n = 2*mail.Batch + 7
	for range n {
		h.post(id.Default, h.note(time.Hour))
	}
	arrived := make(chan mail.Mail, n)
	h.out.set(func(m mail.Mail) error { arrived <- m; return nil })
	r := h.node(func(c *mail.RelayConfig) { c.Poll = time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	for range n {
		<-arrived
	}
	cancel()
	<-ended
	for mailID, times := range h.out.count() {
		if times != 1 {
			t.Errorf("%s was sent %d times", mailID, times)
		}
	}
}

// A tenant with many messages does not hold up another.
func TestRelayIsFair(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range mail.Batch + 20 {
		h.post(id.Default, h.note(time.Hour))
	}
	h.post("other", h.note(time.Hour))
	r := h.node(func(c *mail.RelayConfig) { c.Workers = 1 })
	r.Pass(t.Context())
	for i, m := range h.out.mails {
		if m.Tenant == "other" && i <= mail.Batch {
			return
		}
	}
	t.Errorf("the other tenant's mail is not among the first %d", mail.Batch+1)
}

func TestRelayTriesAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.out.set(func(mail.Mail) error { return errors.New("busy") })
	h.post(id.Default, h.note(24*time.Hour))
	due := h.clock.Now()
	for n := 1; n <= 12; n++ {
		h.relay.Pass(t.Context())
		m := h.one(store.OutboxWaiting)
		if gap := m.Due.Sub(due); m.Tries != n || gap < 3*time.Second || gap > mail.LongestWait*5/4 {
			t.Fatalf("after %d tries: tries %d, next in %s", n, m.Tries, gap)
		}
		h.relay.Pass(t.Context()) // not due
		h.clock.Set(m.Due.Add(-time.Millisecond))
		h.relay.Pass(t.Context()) // not due by a hair
		if len(h.out.mails) != n {
			t.Fatalf("tried %d times, want %d", len(h.out.mails), n)
		}
		due = m.Due
		h.clock.Set(due)
	}
	if err := h.relay.Check(); err == nil || h.relay.Stats().Row != 12 {
		t.Errorf("Check: %v, %+v", err, h.relay.Stats())
	}
	h.out.set(nil)
	h.relay.Pass(t.Context())
	h.one(store.OutboxSent)
	if len(h.out.count()) != 1 || h.relay.Check() != nil || h.relay.Stats().Row != 0 {
		t.Errorf("ids: %v, Check: %v", h.out.count(), h.relay.Check())
	}
}

func TestRelayGivesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message func(*house) store.Message
		answer  error
		tried   bool
	}{
		"refused for good": {func(h *house) store.Message { return h.note(time.Hour) }, &mail.PermanentError{Err: errors.New("550")}, true},
		"unknown template": {func(h *house) store.Message { m := h.note(time.Hour); m.Template = "x"; return m }, nil, false},
		"bad address":      {func(h *house) store.Message { m := h.note(time.Hour); m.To = "x\r\n@example.com"; return m }, nil, false},
		"unknown channel":  {func(h *house) store.Message { m := h.note(time.Hour); m.Channel = "pigeon"; return m }, nil, false},
		"expires too soon": {func(h *house) store.Message { return h.note(2 * time.Second) }, errors.New("busy"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.out.set(func(mail.Mail) error { return c.answer })
			h.post(id.Default, c.message(h))
			var results []mail.Result
			r := h.node(func(rc *mail.RelayConfig) { rc.Report = func(x mail.Result) { results = append(results, x) } })
			r.Pass(t.Context())
			h.one(store.OutboxFailed)
			h.clock.Advance(10 * time.Minute)
			r.Pass(t.Context())
			if got := len(h.out.mails); (got == 1) != c.tried || got > 1 {
				t.Errorf("handed over %d times", got)
			}
			if len(results) != 1 || results[0].Outcome != mail.Failed || results[0].Err == nil || results[0].Tenant != id.Default {
				t.Errorf("reported: %+v", results)
			}
			if s := r.Stats(); s.Failed != 1 || s.LastErr == nil {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A server without mail says so and keeps what it has.
func TestRelayUnconfigured(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bare := h.node(func(c *mail.RelayConfig) { c.Sender = mail.Unconfigured{} })
	bare.Pass(t.Context())
	if err := bare.Check(); err != nil {
		t.Errorf("without a message: %v", err)
	}
	h.post(id.Default, h.note(time.Hour))
	bare.Pass(t.Context())
	h.one(store.OutboxWaiting)
	if err := bare.Check(); !errors.Is(err, mail.ErrUnconfigured) {
		t.Errorf("Check: %v", err)
	}
	if n, err := bare.Waiting(t.Context(), 10); n != 1 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
	h.clock.Advance(20 * time.Second)
	h.relay.Pass(t.Context()) // a server has been configured
	h.one(store.OutboxSent)
}

// A node that dies after its claim keeps others away for the lease, and no longer.
func TestRelayLease(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.post(id.Default, h.note(time.Hour))
	entered, leave := make(chan struct{}), make(chan struct{})
	hangs := h.node(func(c *mail.RelayConfig) {
		c.Sender = sendFunc(func(context.Context, mail.Mail) error { close(entered); <-leave; return errors.New("died") })
	})
	done := make(chan struct{})
	go func() { hangs.Pass(t.Context()); close(done) }()
	<-entered
	h.relay.Pass(t.Context())
	h.clock.Advance(mail.Lease - time.Millisecond)
	h.relay.Pass(t.Context())
	if n := len(h.out.mails); n != 0 {
		t.Errorf("sent %d times within the lease of another node", n)
	}
	h.clock.Advance(time.Millisecond)
	h.relay.Pass(t.Context())
	close(leave)
	<-done // the first node's note comes too late and changes nothing
	if m := h.one(store.OutboxSent); len(h.out.mails) != 1 || m.Tries != 2 {
		t.Errorf("sent %d times, %d tries", len(h.out.mails), m.Tries)
	}
}

type sendFunc func(context.Context, mail.Mail) error

func (f sendFunc) Send(ctx context.Context, m mail.Mail) error { return f(ctx, m) }

// A node that slept between claim and send until its lease was nearly over does not send.
func TestRelayThatSleptDoesNotSend(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	h := newHouse(t, storetest.WithEngine(func(e store.Engine) store.Engine {
		return sleepy{Engine: e, Keeper: e.(store.Keeper), clock: clock}
	}), storetest.WithClock(clock))
	h.clock = clock
	h.relay = h.node(nil)
	h.post(id.Default, h.note(time.Hour))
	h.relay.Pass(t.Context())
	if len(h.out.mails) != 0 {
		t.Error("sent at the end of the lease")
	}
	h.one(store.OutboxWaiting)
}

// sleepy lets most of a lease pass in each commit of the outbox but the first.
type sleepy struct {
	store.Engine
	store.Keeper
	clock *storetest.Clock
}

func (s sleepy) Commit(ctx context.Context, w store.Write) (store.Receipt, error) {
	if w.Docs[0].Kind == store.ReplaceOp {
		s.clock.Advance(mail.Lease - time.Second)
	}
	return s.Engine.Commit(ctx, w)
}

// Many nodes, one outbox: each mail is handed over once.
func TestRelayNodesDoNotSendTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const n = 60
	for i := range n {
		h.post([]id.Tenant{id.Default, "other"}[i%2], h.note(time.Hour))
	}
	var nodes sync.WaitGroup
	for range 4 {
		r := h.node(nil)
		nodes.Go(func() { r.Pass(t.Context()) })
	}
	nodes.Wait()
	h.relay.Pass(t.Context())
	got := h.out.count()
	for mailID, times := range got {
		if times != 1 {
			t.Errorf("%s was sent %d times", mailID, times)
		}
	}
	if len(got) != n {
		t.Errorf("%d of %d were sent", len(got), n)
	}
}

// When the server stops, a try under way is finished and noted, and nothing new is begun.
func TestRelayStops(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.post(id.Default, h.note(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	h.out.set(func(mail.Mail) error { cancel(); return nil })
	r := h.node(func(c *mail.RelayConfig) { c.Workers = 1 })
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
	h.one(store.OutboxSent)
	h.post(id.Default, h.note(time.Hour))
	if err := r.Run(ctx); err != nil || len(h.records(id.Default)[store.OutboxWaiting]) != 1 {
		t.Errorf("a stopped relay sends: %v", err)
	}
}

func TestNewRelayRefuses(t *testing.T) {
	t.Parallel()
	if _, err := mail.NewRelay(mail.RelayConfig{}); err == nil {
		t.Error("a relay without anything is accepted")
	}
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	b := mail.NewMailbox(2)
	for i, tenant := range []id.Tenant{"a", "a", "b", "a"} {
		if err := b.Send(t.Context(), mail.Mail{ID: fmt.Sprint(i), Tenant: tenant}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(t.Context(), mail.Mail{ID: "3", Tenant: "a", Subject: "again"}); err != nil {
		t.Fatal(err)
	}
	if got := b.List("a"); len(got) != 1 || got[0].ID != "3" || got[0].Subject != "again" {
		t.Errorf("a: %v", got)
	}
	if _, found := b.Get("a", "2"); found {
		t.Error("a reads b's mail")
	}
	if m, found := b.Get("b", "2"); !found || m.ID != "2" {
		t.Error("b's mail is gone")
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{0: 5 * time.Second, 1: 5 * time.Second, 2: 10 * time.Second, 8: 640 * time.Second, 9: 15 * time.Minute, 1000: 15 * time.Minute} {
		for range 100 {
			if got := mail.Wait(n); got < want*3/4 || got > want*5/4 {
				t.Errorf("after try %d: %s, want about %s", n, got, want)
			}
		}
	}
}
