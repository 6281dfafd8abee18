package app

import "github.com/prometheus/client_golang/prometheus"

// measure registers what the rooms count. Labels are of closed sets: never a tenant, client or user.
func (a *App) measure(r prometheus.Registerer) {
	counter := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "cardea", Name: name, Help: help}, f))
	}
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "cardea", Name: name, Help: help}, f))
	}
	counter("store_commits_total", "Transactions that became durable.", func() float64 { return float64(a.house.engine.Commits()) })
	gauge("password_running", "Password hashes being computed.", func() float64 { return float64(a.Hasher.Stats().Running) })
	gauge("password_waiting", "Callers that wait for a password hash.", func() float64 { return float64(a.Hasher.Stats().Waiting) })
	counter("password_refused_total", "Password hashes refused because the queue was full or too slow.", func() float64 { return float64(a.Hasher.Stats().Refused) })
	counter("mail_sent_total", "Mails handed to the mail server.", func() float64 { return float64(a.Mail.Stats().Sent) })
	counter("mail_failed_total", "Mails given up.", func() float64 { return float64(a.Mail.Stats().Failed) })
	gauge("mail_deferred_row", "Tries to send that were deferred since one succeeded.", func() float64 { return float64(a.Mail.Stats().Row) })
}
