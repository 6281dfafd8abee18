// Package app is the wiring: it builds every room from the configuration, introduces them to each
// other, and runs what runs in the background. It computes nothing.
//
//	house.go          the data directory: lock, stamp, master key, engine
//	wire_rooms.go     tenants, keys, decisions, people, sessions, audit, mail
//	wire_oauth.go     the OAuth 2 and OpenID Connect provider
//	wire_doors.go     the doors and their end points
//	adapters.go       what one room says in the words of another
//	serve.go          listeners, background tasks, the graceful end
//	control.go        the socket through which commands reach a running server
//
// The same App serves requests and runs commands while no server runs, so both give the same answer.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/authz/index"
	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/internal/identity"
	"github.com/cardea-auth/cardea/internal/identity/password"
	"github.com/cardea-auth/cardea/internal/kit/egress"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/limit"
	"github.com/cardea-auth/cardea/internal/mail"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/cluster"
	"github.com/cardea-auth/cardea/internal/store/envelope"
	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// Config is what an App needs. The command line makes it from the configuration.
type Config struct {
	Dir string // the data directory
	// Database is the URL of a PostgreSQL or MongoDB database, which other nodes may share; empty is a file in Dir.
	Database secret.Value
	// Redis is the URL of what nodes on one database may share besides it; empty is nothing.
	Redis  secret.Value
	Dev    bool   // demo data, mails to a page, loopback only
	Issuer string // public address of the default tenant: scheme, host and port

	Listen          string // address of the public listener
	Management      string // address of the private listener: health and metrics
	TLSCert, TLSKey string // files; both or neither
	TrustedProxies  []netip.Prefix
	ProxyCerts      bool     // the trusted proxies put the client's certificate into Client-Cert
	Hosts           []string // further host names, without port
	InsecureCookies bool
	// Drain is how long Run goes on serving, not ready, once it is told to end.
	Drain time.Duration

	// Master is the master key; the zero Master means the file Dir/master.key, made at the first start.
	Master      envelope.Master
	Password    password.Config
	Policy      password.Policy
	Lockout     identity.Lockout
	Limits      limit.Policy
	Allow       []egress.Rule    // networks that are not public but may be reached
	SMTP        *mail.SMTPConfig // nil: messages wait
	Product     string           // how the service calls itself in mails
	Defaults    tenant.Settings  // for tenants that have not said otherwise
	GraphBounds index.Bounds     // memory for stores of relation tuples
	// InlineConditions lets tuples of stores bring conditions of their own.
	InlineConditions bool
	// Rego evaluates bundles of Rego policies, which are decision points; nil: there are none.
	Rego point.Evaluator
	// Checkpoints is a file to which each signed checkpoint of the audit log is appended; "" is none.
	Checkpoints string

	Log *slog.Logger
	Now func() time.Time
	// Run runs commands that come through the control socket; nil refuses them.
	Run Runner
	// Notice tells a person at the terminal what happened, e.g. where the master key was put.
	Notice func(text string)

	Release string // of this program; "" is unreleased
	// Lease is how long a node counts as alive of which nothing is heard; 0 is 30 s.
	Lease time.Duration
	// Formats are the data formats that this program can write, nil for those that it can; Declare makes
	// further collections known. Both are for tests of what a later version will do.
	Formats []cluster.Format
	Declare func(*store.DB)

	bare bool // a master key that is missing is not made
}

// App is all rooms, put together.
type App struct {
	Config
	house *house
	DB    *store.DB
	Guard *access.Guard

	Rooms
	OAuth
	tally   *tally
	leaving atomic.Bool // told to end: not ready any more
	begun   bool        // the database is as this version needs it
}

// Open builds an App over the data directory, which it locks. It creates what a first start needs:
// directory, master key, tables, built-in tenants and their signing keys.
func Open(ctx context.Context, c Config) (*App, error) {
	return open(ctx, c, nil)
}

// open builds an App and calls fill, if there is one, once the tables are there and before anything is in them.
func open(ctx context.Context, c Config, fill func(*App) error) (*App, error) {
	a, err := unbegun(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := a.begin(ctx, fill); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Bare is an App over a data directory that it locks and leaves as it is: it can look at the database,
// Upgrade it, and nothing else.
func Bare(ctx context.Context, c Config) (*App, error) {
	if _, err := os.Stat(filepath.Join(c.Dir, fileDatabase)); c.Database.Empty() && errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no database in %s yet: cardea serve makes one", c.Dir)
	}
	c.bare = true
	return unbegun(ctx, c)
}

// unbegun is an App whose database is as it was found.
func unbegun(ctx context.Context, c Config) (*App, error) {
	h, err := openHouse(ctx, c)
	if err != nil {
		return nil, err
	}
	a := newApp(c, h)
	if err := a.wire(); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return a, nil
}

func newApp(c Config, h *house) *App {
	a := &App{Config: c, house: h, DB: h.db, Guard: access.NewGuard(nil, c.Now), tally: newTally()}
	a.DB.OnEvents(a.tally.committed)
	return a
}

// wire makes the rooms, which makes all collections known.
func (a *App) wire() error {
	if err := a.wireRooms(); err != nil {
		return err
	}
	if err := a.wireOAuth(); err != nil {
		return err
	}
	a.house.declare(a.Config, a.Guard)
	return nil
}

// begin makes the tables, calls fill or refuses what somebody else has half filled, and has the App ready to be used.
func (a *App) begin(ctx context.Context, fill func(*App) error) error {
	if err := a.house.ensure(ctx); err != nil {
		return err
	}
	if fill != nil {
		if err := fill(a); err != nil {
			return err
		}
	} else if half, err := portable.Unfinished(ctx, a.house.engine); err != nil || half {
		return errors.Join(err, errors.New("an import into this database was not finished: import the same file again"))
	}
	return a.settle(ctx)
}

// settle makes what a first start needs in tables that are there.
func (a *App) settle(ctx context.Context) error {
	if err := a.house.unlock(ctx); err != nil {
		return err
	}
	if err := a.Tenants.EnsureBuiltIn(ctx); err != nil {
		return err
	}
	err := a.eachTenant(ctx, func(t id.Tenant) error {
		if err := a.Keys.Tick(ctx, t); err != nil {
			return err
		}
		return a.ensureOwnClients(ctx, t)
	})
	a.begun = err == nil
	return err
}

// Close ends an App. What is running must have ended before.
func (a *App) Close() error { return a.house.close() }

// Commits is how many transactions have become durable since the start.
func (a *App) Commits() int64 { return a.house.engine.Commits() }

// Operator is the person at the machine who acts in tenant t.
func (a *App) Operator(t id.Tenant, who, reason string) access.Caller {
	return access.Operator(t, who, reason)
}
