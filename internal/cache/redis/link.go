package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	driver "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// How patient we are with Redis.
const (
	// usualPatience is the longest that a request waits for Redis.
	usualPatience = 50 * time.Millisecond
	// opensAfter is how many failures in a row it takes until nobody asks any more.
	opensAfter = 3
	// probeEvery is the pause between two tries when nobody asks, and beatEvery between two signs of life
	// of a node otherwise.
	probeEvery = 500 * time.Millisecond
	beatEvery  = 3 * time.Second
	// probeWithin bounds a try, in which connections may have to be made.
	probeWithin = 2 * time.Second
	// connections is how many there are at most to each server.
	connections = 32
)

// Config is what a Link needs. All of it but Patience is required.
type Config struct {
	URL secret.Value // see Check
	// Secret is the same on all nodes of one database and known to nobody else: from it come the names
	// under which things are kept, and the key that seals them. Another database needs another.
	Secret [32]byte
	// Dial opens a connection. What it is given is what the URL or Redis itself has named.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Patience is how long a request waits for Redis at most; 0 means 50 ms.
	Patience time.Duration
}

// Link is the way to Redis. It begins open, as if Redis did not answer: Run finds out that it does.
type Link struct {
	client   driver.UniversalClient
	vault    vault
	patience time.Duration
	self     string // this node, among those that have the secret in common

	life context.Context // ends with Close: what is counted is counted also if the caller gives up
	end  context.CancelFunc

	closed   atomic.Bool // as of a circuit: Redis is asked
	opened   chan struct{}
	failures atomic.Int64
	failed   atomic.Int64 // in all
	nodes    atomic.Int64 // that were alive at the last sign of life, this one among them
	last     atomic.Pointer[error]
	closing  sync.Once
}

// ErrOpen is the failure of everything that is asked while Redis is left alone.
var ErrOpen = errors.New("redis: it does not answer, and is asked again later")

// Open makes a Link. It reaches for nothing: its errors are about the settings.
func Open(ctx context.Context, c Config) (*Link, error) {
	if c.URL.Empty() || c.Dial == nil || c.Secret == [32]byte{} {
		return nil, errors.New("redis: URL, Secret and Dial are required")
	}
	o, err := parse(c.URL.Reveal())
	if err != nil {
		return nil, err
	}
	l := &Link{patience: c.Patience, opened: make(chan struct{}, 1)}
	if l.patience <= 0 {
		l.patience = usualPatience
	}
	if l.vault, err = newVault(c.Secret); err != nil {
		return nil, err
	}
	l.self = l.vault.random()
	l.nodes.Store(1)
	secure := o.TLSConfig
	o.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dial(ctx, c.Dial, secure, address)
	}
	o.Protocol = 2 // in RESP3 a server may speak unasked; to Sentinels the driver speaks it all the same
	o.MaxRetries, o.DialerRetries = -1, 1
	o.MaxRedirects = 2
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = probeWithin, probeWithin, probeWithin, l.patience
	o.ContextTimeoutEnabled = true
	o.PoolSize, o.ConnMaxIdleTime = connections, 5*time.Minute
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	logging.Disable() // it would print what Redis says; what fails is counted, and Trouble names it
	l.client = driver.NewUniversalClient(o)
	l.life, l.end = context.WithCancel(context.WithoutCancel(ctx))
	return l, nil
}

func dial(ctx context.Context, plain func(context.Context, string, string) (net.Conn, error), secure *tls.Config, address string) (net.Conn, error) {
	c, err := plain(ctx, "tcp", address)
	if err != nil || secure == nil {
		return &framedConn{Conn: c}, err
	}
	own := secure.Clone()
	own.ServerName, _, _ = net.SplitHostPort(address)
	t := tls.Client(c, own)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &framedConn{Conn: t}, nil
}

// Close ends the connections. What is asked afterwards fails.
func (l *Link) Close() error {
	l.closing.Do(func() { l.closed.Store(false); l.end() })
	return l.client.Close()
}

// Run gives signs of life until ctx ends, and finds out whether Redis answers again when it did not.
func (l *Link) Run(ctx context.Context) {
	for {
		l.probe(ctx)
		next := time.NewTimer(beatEvery)
		if !l.closed.Load() {
			next.Reset(probeEvery)
		}
		select {
		case <-ctx.Done():
		case <-next.C:
		case <-l.opened:
			_ = pause.For(ctx, probeEvery)
		}
		next.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// probe gives a sign of life. One success is enough to ask again.
func (l *Link) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	var n int64
	err := l.guarded(func() (err error) {
		n, err = beat().Run(ctx, l.client, []string{l.vault.name("nodes")}, l.self, aliveFor.Milliseconds()).Int64()
		return err
	})
	if err == nil {
		l.nodes.Store(max(1, n))
		l.closed.Store(l.life.Err() == nil)
	}
	l.note(err)
}

// aliveFor is how long a node counts after a sign of life.
const aliveFor = 5 * beatEvery

// beat notes that a node lives, forgets those that do not, and counts.
func beat() *driver.Script {
	return driver.NewScript(`local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])`)
}

// do asks Redis, for no longer than a request may wait. Its error is ErrOpen while Redis is left alone.
func (l *Link) do(ctx context.Context, f func(context.Context) error) error {
	return l.within(ctx, l.patience, f)
}

// within is do for as long as somebody can wait.
func (l *Link) within(ctx context.Context, patience time.Duration, f func(context.Context) error) error {
	if !l.closed.Load() {
		return ErrOpen
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := l.guarded(func() error { return f(limited) })
	if err != nil && ctx.Err() != nil {
		return err // it was the caller who gave up
	}
	l.note(err)
	return err
}

// guarded turns a panic of the driver about an answer that it did not expect into a failure.
func (l *Link) guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errGarbage, r)
		}
	}()
	return f()
}

// note counts failures in a row. What Redis does not have is no failure.
func (l *Link) note(err error) {
	if err == nil || errors.Is(err, driver.Nil) {
		if l.failures.Load() != 0 {
			l.failures.Store(0)
		}
		return
	}
	l.failed.Add(1)
	l.last.Store(&err)
	if l.failures.Add(1) >= opensAfter && l.closed.CompareAndSwap(true, false) {
		signal(l.opened)
	}
}

// Up reports whether Redis is asked.
func (l *Link) Up() bool { return l.closed.Load() }

// Failures is how many operations have failed since the start, those not counted that were not tried.
func (l *Link) Failures() int64 { return l.failed.Load() }

// Nodes is how many nodes of this database were alive when Redis last answered, at least 1.
func (l *Link) Nodes() int { return int(l.nodes.Load()) }

// Trouble says why Redis is not asked, or nothing.
func (l *Link) Trouble() error {
	if l.Up() {
		return nil
	}
	err := l.last.Load()
	if err == nil {
		return errors.New("redis: no answer yet")
	}
	return fmt.Errorf("redis: %w", *err)
}
