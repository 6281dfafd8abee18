package postgres

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// errURL is the refusal of what is no URL of ours. It never repeats what was given, which may hold a
// password.
var errURL = errors.New("must be like postgres://user:password@host:5432/database?sslmode=verify-full")

type parsed struct {
	pool    *pgxpool.Config
	pooled  bool
	address string
}

// Check refuses a URL that Open would refuse, without connecting.
func Check(text string) error {
	_, err := parse(text)
	return err
}

// parse reads a URL. Besides what libpq knows it may say pgbouncer=true, for a pooler that keeps no
// session between transactions, and pool_max_conns. Where the server is not on this machine and the
// URL does not say how to trust it (sslmode), its certificate must be good.
func parse(text string) (parsed, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Opaque != "" {
		return parsed{}, errURL
	}
	q := u.Query()
	out := parsed{pooled: q.Get("pgbouncer") == "true"}
	if !out.pooled && q.Has("pgbouncer") && q.Get("pgbouncer") != "false" {
		return parsed{}, errors.New("pgbouncer must be true or false")
	}
	q.Del("pgbouncer")
	if !q.Has("sslmode") && !local(u.Hostname(), q.Get("host")) {
		q.Set("sslmode", "verify-full")
	}
	limited := q.Has("pool_max_conns")
	u.RawQuery = q.Encode()
	if out.pool, err = pgxpool.ParseConfig(u.String()); err != nil {
		return parsed{}, errURL
	}
	if !limited {
		out.pool.MaxConns = defaultConnections
	}
	c := out.pool.ConnConfig
	out.address = c.Host
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = answerWithin
	}
	if out.pooled {
		c.DefaultQueryExecMode = pgx.QueryExecModeExec
		return out, nil
	}
	defaults := map[string]string{
		"application_name": "cardea", "statement_timeout": "5000", "idle_in_transaction_session_timeout": "10000",
	}
	for name, value := range defaults {
		if _, ok := c.RuntimeParams[name]; !ok || name == "statement_timeout" {
			c.RuntimeParams[name] = value
		}
	}
	return out, nil
}

// local reports whether the server is reached without a network.
func local(host, inQuery string) bool {
	if host == "" {
		host = inQuery
	}
	if host == "" || host == "localhost" || strings.HasPrefix(host, "/") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
