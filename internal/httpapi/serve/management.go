package serve

import (
	"context"
	"net/http"
	"time"
)

// healthTime is how long a check of readiness may take; what asks has a patience of its own.
const healthTime = 2 * time.Second

// Management is what the private listener answers. It must never be reachable from outside: the
// metrics say how busy the server is and with what.
type Management struct {
	// Ready says why the server should get no requests now; nil means that it should. Its text is
	// for operators.
	Ready func(context.Context) error
	// Trouble says what does not work though requests are served, such as mail; nil means nothing. It is
	// said below "ok". Nil Trouble says nothing.
	Trouble func() error
	// Metrics answers in the format of Prometheus.
	Metrics http.Handler
}

// Handler serves /livez, /readyz and /metrics.
func (m Management) Handler() http.Handler {
	mux := http.NewServeMux()
	// Alive is who can answer at all: a check of anything else would have the server restarted when
	// its database is down, which helps nobody.
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { health(w, nil, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTime)
		defer cancel()
		var trouble error
		if m.Trouble != nil {
			trouble = m.Trouble()
		}
		health(w, m.Ready(ctx), trouble)
	})
	mux.Handle("GET /metrics", m.Metrics)
	return mux
}

func health(w http.ResponseWriter, err, trouble error) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(err.Error() + "\n"))
		return
	}
	text := "ok\n"
	if trouble != nil {
		text += trouble.Error() + "\n"
	}
	_, _ = w.Write([]byte(text))
}
