package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/httpapi/serve"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/tenant"
)

// readHeaderTimeout bounds how slowly a command may begin; drainTimeout how long requests under way may
// take once the server is told to end; sealTimeout what is written after the last of them.
const (
	readHeaderTimeout = 5 * time.Second
	drainTimeout      = 10 * time.Second
	sealTimeout       = 5 * time.Second
)

// Server is a running App.
type Server struct {
	app     *App
	public  net.Listener
	private net.Listener
	control net.Listener
	metrics *prometheus.Registry
	ready   chan struct{}
}

// Listen opens the listeners: public, private, and the control socket.
func (a *App) Listen(ctx context.Context) (*Server, error) {
	if err := serve.CheckIssuer(a.Config.Issuer); err != nil {
		return nil, err
	}
	if a.Dev {
		if err := onLoopback(a.Config.Listen); err != nil {
			return nil, err
		}
	}
	if err := a.house.cluster.Serve(ctx, a.Config.Issuer); err != nil {
		return nil, err
	}
	s := &Server{app: a, metrics: prometheus.NewRegistry(), ready: make(chan struct{})}
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.measure(ctx, s.metrics)
	var err error
	listener := net.ListenConfig{}
	if s.public, err = listener.Listen(ctx, "tcp", a.Config.Listen); err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	if s.private, err = listener.Listen(ctx, "tcp", a.Management); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for management: %w", err), s.public.Close())
	}
	if s.control, err = a.listenControl(ctx); err != nil {
		return nil, errors.Join(err, s.public.Close(), s.private.Close())
	}
	return s, nil
}

// onLoopback refuses an address that others could reach.
func onLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("the address %s must be host:port: %w", address, err)
	}
	if !serve.Loopback(host) {
		return fmt.Errorf("--dev listens on loopback only, not on %s: its demo accounts are no secret", address)
	}
	return nil
}

// Address is where the public listener is.
func (s *Server) Address() string { return s.public.Addr().String() }

// Management is where the private listener is.
func (s *Server) Management() string { return s.private.Addr().String() }

// Run serves until ctx ends, then lets requests under way finish, and returns.
func (s *Server) Run(ctx context.Context) error {
	public, err := s.app.publicServer(context.WithoutCancel(ctx), s.metrics)
	if err != nil {
		return errors.Join(err, s.public.Close(), s.private.Close(), s.control.Close())
	}
	private := serve.Server(serve.Management{
		Ready: s.app.Ready, Trouble: s.app.trouble, Metrics: promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}),
	}.Handler(), nil, s.app.Log)
	control := &http.Server{Handler: s.app.controlHandler(), ReadHeaderTimeout: readHeaderTimeout, ConnContext: peerContext}

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var tasks sync.WaitGroup
	s.app.background(background, &tasks)
	failed := make(chan error, 3)
	answer := func(h *http.Server, l net.Listener) {
		tasks.Go(func() {
			if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	s.public = serve.Deadlines(s.public)
	if public.TLSConfig != nil {
		s.public = tls.NewListener(s.public, public.TLSConfig)
	}
	answer(public, s.public)
	answer(private, s.private)
	answer(control, s.control)
	close(s.ready)

	select {
	case <-ctx.Done():
		err = s.app.leave(failed)
	case <-s.app.house.cluster.Ended():
		err = s.app.house.cluster.Err()
	case err = <-failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err = errors.Join(err, ignoreTimeout(public.Shutdown(drain)), control.Close(), private.Close())
	stop()
	tasks.Wait()
	if s.app.house.cluster.Err() != nil {
		return err // a node that is too old, or unheard of, leaves the rest to the others
	}
	return errors.Join(err, s.app.lastWords(context.WithoutCancel(ctx)))
}

// lastWords seals what has happened and writes what was counted. It has time of its own: requests under way
// may have taken all of theirs.
func (a *App) lastWords(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sealTimeout)
	defer cancel()
	sealed := a.eachTenant(ctx, func(t id.Tenant) error {
		if err := a.Audit.Seal(ctx, t); !errs.Is(err, errs.Conflict) { // with another node that seals the same events
			return err
		}
		return nil
	})
	return errors.Join(sealed, a.Audit.Flush(ctx), a.Journal.Flush(ctx))
}

// leave lets proxies see that this node wants no more requests before it refuses any.
func (a *App) leave(failed <-chan error) error {
	a.leaving.Store(true)
	if a.Drain <= 0 {
		return nil
	}
	wait := time.NewTimer(a.Drain)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case err := <-failed:
		return err
	}
}

// ignoreTimeout forgives requests that did not finish in time: long ones, such as a followed feed.
func ignoreTimeout(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// publicServer is what everybody reaches. What is followed ends when it is shut down: a follower comes back,
// to another node, and nobody waits for it.
func (a *App) publicServer(ctx context.Context, metrics prometheus.Registerer) (*http.Server, error) {
	var certificates *serve.Certificates
	if a.TLSCert != "" {
		var err error
		if certificates, err = serve.LoadCertificates(a.TLSCert, a.TLSKey, false, a.Now, a.Log); err != nil {
			return nil, err
		}
	}
	serving, leave := context.WithCancel(ctx)
	h, err := a.handler(serving, metrics)
	if err != nil {
		leave()
		return nil, err
	}
	public := serve.Server(h, certificates, a.Log)
	public.RegisterOnShutdown(leave)
	return public, nil
}

// maxSkew is how far the clock of a node may be from the database's: half of what revocations and
// changes are looked back for.
const maxSkew = 5 * time.Second

// Ready reports whether the server can do its work: the database can be written, and where other nodes
// share it, this one hears of what they change and agrees with it about the time.
func (a *App) Ready(ctx context.Context) error {
	if a.leaving.Load() {
		return errors.New("the server is stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := a.house.engine.Ping(ctx); err != nil {
		return err
	}
	if err := a.house.cluster.Err(); err != nil {
		return err
	}
	if !a.DB.Current() {
		return errors.New("this node has not heard for five seconds what others change")
	}
	return a.clock()
}

// clock reports whether the clock of this machine is too far from the database's for anything to be judged by it.
func (a *App) clock() error {
	if skew := a.DB.Skew(); skew.Abs() > maxSkew {
		return fmt.Errorf("the clock of this machine is %v ahead of the database's; set it right", skew.Round(time.Millisecond))
	}
	return nil
}

// trouble says what does not work though requests are served.
func (a *App) trouble() error {
	err := a.Mail.Check()
	if a.house.shared.trouble != nil {
		err = errors.Join(err, a.house.shared.trouble())
	}
	return err
}

// How often what runs in the background looks around.
const (
	everyKeys  = time.Minute
	everySweep = time.Minute
	everyFlush = 5 * time.Second
	sweepAt    = 1000
)

// background starts what runs beside the requests. Each task ends with ctx.
func (a *App) background(ctx context.Context, tasks *sync.WaitGroup) {
	tasks.Go(func() { a.DB.Follow(ctx) })
	if a.house.shared.run != nil {
		a.house.shared.run(ctx, tasks)
	}
	tasks.Go(func() { a.Sessions.Run(ctx) })
	tasks.Go(func() { a.APIKeys.Run(ctx) })
	tasks.Go(func() { a.Journal.Run(ctx) })
	tasks.Go(func() { a.try(ctx, "mail", a.Mail.Run) })
	tasks.Go(func() {
		a.try(ctx, "audit", func(ctx context.Context) error { return a.Audit.Run(ctx, a.tenantList) })
	})
	a.every(ctx, tasks, everyKeys, "keys", func(ctx context.Context) error {
		return a.eachTenant(ctx, func(t id.Tenant) error { return a.Keys.Tick(ctx, t) })
	})
	a.every(ctx, tasks, everyFlush, "counters", a.Audit.Flush)
	a.every(ctx, tasks, everySweep, "graphs", a.Graphs.Tidy)
	a.every(ctx, tasks, everySweep, "images of graphs", a.Graphs.WriteImages)
	a.every(ctx, tasks, everySweep, "deleted accounts", func(ctx context.Context) error {
		return a.eachTenant(ctx, func(t id.Tenant) error { return a.Accounts.Forget(ctx, t) })
	})
	tasks.Go(func() { a.try(ctx, "upgrade", a.tendFormat) })
	a.every(ctx, tasks, everySweep, "upgrade", a.tendFormat)
	a.every(ctx, tasks, everySweep, "sweep", func(ctx context.Context) error {
		for {
			n, err := a.house.engine.Sweep(ctx, a.DB.Now(), sweepAt)
			if err != nil || n < sweepAt {
				return err
			}
		}
	})
}

// every runs f now and then until ctx ends. An error is logged, and the next time tries again.
func (a *App) every(ctx context.Context, tasks *sync.WaitGroup, pause time.Duration, name string, f func(context.Context) error) {
	tasks.Go(func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				a.try(ctx, name, f)
			}
		}
	})
}

// try runs f and reports its error, unless ctx has ended: then it was broken off.
func (a *App) try(ctx context.Context, task string, f func(context.Context) error) {
	if err := f(ctx); ctx.Err() == nil {
		a.report(task, err)
	}
}

// report logs what went wrong in the background. A conflict is another node that was faster.
func (a *App) report(task string, err error) {
	if err != nil && !errs.Is(err, errs.Conflict) {
		a.Log.Error("background task failed", "task", task, "kind", errs.KindOf(err).String(), "error", err.Error())
	}
}

func (a *App) tenantList(ctx context.Context) ([]id.Tenant, error) {
	var out []id.Tenant
	err := a.eachTenant(ctx, func(t id.Tenant) error { out = append(out, t); return nil })
	return out, err
}

// SetUpLink is the address at which the first administrator is made; an error with code
// set_up_closed if there has been one.
func (a *App) SetUpLink(ctx context.Context, c access.Caller) (string, error) {
	token, err := a.Accounts.NewSetUpToken(ctx, c)
	if err != nil {
		return "", err
	}
	return a.issuerOf(id.System) + "/set-up#" + token, nil
}

// IssuerOf is the issuer of a tenant.
func (a *App) IssuerOf(t id.Tenant) string { return a.issuerOf(t) }

// InvitationLink makes the address of the page that accepts an invitation.
func (a *App) InvitationLink(t id.Tenant) func(token string) string {
	return func(token string) string { return a.issuerOf(t) + "/link#invitation." + token }
}

// AddTenant opens a tenant with its keys and its own client, so that it can work at once.
func (a *App) AddTenant(ctx context.Context, c access.Caller, name, title string) (*tenant.Tenant, error) {
	t, err := a.Tenants.Create(ctx, c, name, title)
	if err != nil {
		return nil, err
	}
	if err := a.Keys.Tick(ctx, t.TenantID()); err != nil {
		return nil, err
	}
	return t, a.ensureOwnClients(ctx, t.TenantID())
}
