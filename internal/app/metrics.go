package app

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/store"
)

// maxWaiting is as far as waiting mails are counted in each tenant.
const maxWaiting = 1000

// tally counts what happens on this node since it was started. Labels are of closed sets: never a
// tenant, client or user. The hourly counters of each tenant are in the audit log.
type tally struct {
	sessions, proofs, failures, grants, introspections, decisions *prometheus.CounterVec
}

func newTally() *tally {
	counter := func(name, label, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "cardea", Name: name, Help: help}, []string{label})
	}
	return &tally{
		sessions:       counter("sessions_started_total", "flow", "Sessions that were begun or strengthened, by what the person did."),
		proofs:         counter("proofs_total", "method", "What was proved with it, by amr value."),
		failures:       counter("signin_failures_total", "reason", "Attempts to sign in that failed."),
		grants:         counter("tokens_issued_total", "grant", "Answers of the token endpoint and its like that held a token."),
		introspections: counter("introspections_total", "answer", "Tokens that others have asked about."),
		decisions:      counter("decisions_total", "answer", "Access decisions for applications."),
	}
}

// committed counts events that have become durable.
func (t *tally) committed(events []store.Event) {
	for _, e := range events {
		switch e.Kind {
		case "session.started", "session.strengthened":
			t.sessions.WithLabelValues(e.Public["flow"]).Inc()
			for _, method := range strings.Fields(e.Public["method"]) {
				t.proofs.WithLabelValues(method).Inc()
			}
		case "signin.failed":
			t.failures.WithLabelValues(e.Public["reason"]).Inc()
		}
	}
}

// note counts what happens too often to be an event.
func (t *tally) note(name string) {
	noun, what, _ := strings.Cut(name, ".")
	switch {
	case name == "token.introspected":
		t.introspections.WithLabelValues("given").Inc()
	case noun == "token":
		t.grants.WithLabelValues(what).Inc()
	case noun == "decision":
		t.decisions.WithLabelValues(what).Inc()
	}
}

// measure registers what the rooms count.
func (a *App) measure(ctx context.Context, r prometheus.Registerer) {
	counter := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "cardea", Name: name, Help: help}, f))
	}
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "cardea", Name: name, Help: help}, f))
	}
	t := a.tally
	r.MustRegister(t.sessions, t.proofs, t.failures, t.grants, t.introspections, t.decisions)
	counter("store_commits_total", "Transactions that became durable.", func() float64 { return float64(a.Commits()) })
	if server, ok := a.house.engine.engine.(interface{ RoundTrips() int64 }); ok { // SQLite is asked without one
		counter("store_round_trips_total", "How often the database server was asked and answered.", func() float64 { return float64(server.RoundTrips()) })
	}
	for i, answer := range []string{"hit", "load"} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "cardea", Name: "cache_lookups_total", ConstLabels: prometheus.Labels{"answer": answer},
			Help: "Documents that were in the memory of this node, and those that were loaded into it.",
		}, func() float64 {
			hits, loads := a.house.cache.Answers()
			return float64([]int64{hits, loads}[i])
		}))
	}
	gauge("password_running", "Password hashes being computed.", func() float64 { return float64(a.Hasher.Stats().Running) })
	gauge("password_waiting", "Callers that wait for a password hash.", func() float64 { return float64(a.Hasher.Stats().Waiting) })
	counter("password_refused_total", "Password hashes refused because the queue was full or too slow.", func() float64 { return float64(a.Hasher.Stats().Refused) })
	counter("mail_sent_total", "Mails handed to the mail server.", func() float64 { return float64(a.Mail.Stats().Sent) })
	counter("mail_failed_total", "Mails given up.", func() float64 { return float64(a.Mail.Stats().Failed) })
	gauge("mail_deferred_row", "Tries to send that were deferred since one succeeded.", func() float64 { return float64(a.Mail.Stats().Row) })
	gauge("graphs", "Stores of relation tuples that are held in memory, for each model.", func() float64 { return float64(a.Graphs.Stats().Graphs) })
	gauge("graphs_partial", "Those of them that are larger than memory and held in part.", func() float64 { return float64(a.Graphs.Stats().Partial) })
	gauge("graph_tuples", "Relation tuples of stores in memory, about 100 bytes each.", func() float64 { return float64(a.Graphs.Stats().Tuples) })
	counter("graph_parts_total", "Parts of large stores that were read for questions.", func() float64 { return float64(a.Graphs.Stats().Parts) })
	if a.house.shared.up != nil {
		a.house.shared.measure(r)
	}
	gauge("mail_waiting", "Mails that wait to be sent, at most 1000 of each tenant; -1: not known.", func() float64 { return a.waitingMails(ctx) })
}

func (a *App) waitingMails(ctx context.Context) float64 {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	n, err := a.Mail.Waiting(ctx, maxWaiting)
	if err != nil {
		return -1
	}
	return float64(n)
}

// measure registers what happens between this node and Redis.
func (t together) measure(r prometheus.Registerer) {
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "cardea", Name: "redis_up", Help: "1 while Redis is asked. 0: it has failed, each node counts limits for itself, and the database is read instead.",
	}, func() float64 {
		if t.up() {
			return 1
		}
		return 0
	}), prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "cardea", Name: "redis_failures_total", Help: "Operations on Redis that failed or took too long.",
	}, func() float64 { return float64(t.failures()) }))
	for i, answer := range []string{"hit", "miss", "stale", "garbage"} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "cardea", Name: "redis_lookups_total", ConstLabels: prometheus.Labels{"answer": answer},
			Help: "Documents that were not in the memory of this node, by what Redis had of them: nothing good but a hit.",
		}, func() float64 {
			hits, misses, stale, garbage := t.answers()
			return float64([]int64{hits, misses, stale, garbage}[i])
		}))
	}
}
