package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// Format is a data format.
type Format struct {
	Number  int
	Release string // of Cardea, which brought it
}

// Engine is what a cluster shares.
type Engine interface {
	store.Engine
	store.Keeper
}

// Config is what a Cluster needs.
type Config struct {
	Engine  Engine
	DB      *store.DB // over Engine; all collections must be declared before Admit
	Formats []Format  // that this program can write, in order
	Release string    // of this program
	Name    string    // by which people know this node, such as its host's
	Now     func() time.Time
	Lease   time.Duration // how long a node counts as alive that does not say so; 0 is 30 s
}

const (
	defaultLease = 30 * time.Second
	// commitWithin is how long a commit may be under way.
	commitWithin = 5 * time.Second
	// lightWork is how many records a collection may have to which a node that starts adds a column or an
	// index by itself.
	lightWork = 10_000
)

// Cluster is this node's part in it.
type Cluster struct {
	Config
	shared bool
	self   string // id of this node; it is in use from Join to Leave
	now    atomic.Pointer[view]
	ended  chan struct{} // closed once this node is too old
	end    sync.Once
	hurry  chan struct{} // holds something while somebody waits for a beat
	beaten pause.Bell    // rung after each beat of Run, whether it went well or not

	mu   sync.Mutex
	node node
	row  int64 // version of the row
	busy bool  // with work that is one node's at a time
}

// view is what this node has last found out.
type view struct {
	writes   int
	complete int // no document is in an older format
	at       time.Time
	err      error // this node may not work on the database
}

// New makes a Cluster and has DB write as it says.
func New(c Config) *Cluster {
	if c.Lease <= 0 {
		c.Lease = defaultLease
	}
	_, shared := c.Engine.(store.Shared)
	out := &Cluster{Config: c, shared: shared, self: id.New(), ended: make(chan struct{}), hurry: make(chan struct{}, 1)}
	out.node = node{Name: c.Name, Release: c.Release, Format: out.newest().Number, Started: c.DB.Now()}
	c.DB.WriteIn(out)
	return out
}

func (c *Cluster) newest() Format { return c.Formats[len(c.Formats)-1] }

// Writes implements store.Formats. A node that has not said for a while that it is alive, because its
// machine slept or its clock was set, tries at once, and who wants to write waits for that.
func (c *Cluster) Writes(ctx context.Context) (int, error) {
	n, err := c.writes()
	if !errors.Is(err, errSilent) {
		return n, err
	}
	within, cancel := context.WithTimeout(ctx, c.Lease/30)
	defer cancel()
	for errors.Is(err, errSilent) && within.Err() == nil { // the beat that ends first may have begun before the sleep
		beaten := c.beaten.Rung()
		c.beatSoon()
		_ = pause.Until(within, beaten, c.Lease)
		n, err = c.writes()
	}
	return n, err
}

var errSilent = errors.New("cluster: this node has not been able to say for a while that it is alive")

func (c *Cluster) writes() (int, error) {
	v := c.now.Load()
	switch {
	case v == nil:
		return 0, errors.New("cluster: the node has not joined")
	case v.err != nil:
		return 0, v.err
	case c.shared && c.Now().Sub(v.at) > c.Lease-c.Lease/6: // what it begins now has ended when it counts as gone
		return 0, errSilent
	}
	return v.writes, nil
}

// Complete implements store.Formats.
func (c *Cluster) Complete() int {
	if v := c.now.Load(); v != nil {
		return v.complete
	}
	return 0
}

// Err says why this node may not serve; nil if it may.
func (c *Cluster) Err() error {
	_, err := c.writes()
	if errors.Is(err, errSilent) {
		c.beatSoon()
	}
	return err
}

// Ended is closed once this node is too old for the database: it has to end. Err says why.
func (c *Cluster) Ended() <-chan struct{} { return c.ended }

// Refusal says in one line why this program must not work on the database, and what to do.
type Refusal string

// Error is the line.
func (r Refusal) Error() string { return string(r) }

// standing is the one document that all nodes go by.
type standing struct {
	Version   int            `json:"version"`   // the format that all nodes write
	Converted int            `json:"converted"` // no document is in an older one
	Newest    int            `json:"newest"`    // that any node that was ever here could write
	NewestBy  string         `json:"newest_by"`
	Opened    int            `json:"opened"` // that the node could write which came last
	OpenedBy  string         `json:"opened_by"`
	OpenedAt  time.Time      `json:"opened_at"` // since when they are like it
	Finalised time.Time      `json:"finalised,omitzero"`
	Unknown   jsontext.Value `json:",embed"`

	version int64 // of the record; 0: there is none yet
}

// First is the format of databases that do not say one.
const First = 1

func schemas() []store.Schema { return []store.Schema{{Name: "cluster"}, {Name: "node"}} }

func key(collection, docID string) store.Key {
	return store.Key{Tenant: id.System, Collection: collection, ID: docID}
}

func standingKey() store.Key { return key("cluster", "current") }

func (c *Cluster) read(ctx context.Context) (s standing, err error) {
	r, err := c.Engine.Get(ctx, standingKey())
	if errors.Is(err, store.ErrNotFound) {
		return standing{}, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading the cluster version: %w", err)
	}
	if err := json.Unmarshal(r.Body, &s); err != nil {
		return s, fmt.Errorf("reading the cluster version: %w", err)
	}
	s.version = r.Version
	return s, nil
}

// change alters the standing, until nobody else is faster.
func (c *Cluster) change(ctx context.Context, alter func(*standing) (changed bool)) (standing, error) {
	for try := 1; ; try++ {
		s, err := c.read(ctx)
		if err != nil || !alter(&s) {
			return s, err
		}
		err = c.put(ctx, standingKey(), s.version, time.Time{}, s)
		var exists *store.ExistsError
		if err == nil || try == 10 || !errors.Is(err, store.ErrChanged) && !errors.As(err, &exists) {
			return s, err
		}
	}
}

// put inserts a document of ours, or replaces the version that was read.
func (c *Cluster) put(ctx context.Context, k store.Key, version int64, expires time.Time, doc any) error {
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	op := store.Op{Kind: store.ReplaceOp, Key: k, Version: version, Expires: expires, Body: body}
	if version == 0 {
		op.Kind = store.InsertOp
	}
	return c.commit(ctx, op)
}

func (c *Cluster) commit(ctx context.Context, op store.Op) error {
	at := c.DB.Now()
	_, err := c.Engine.Commit(ctx, store.Write{ID: id.NewRow(at), At: at, Tenant: id.System, Docs: []store.Op{op}})
	return err
}

// Admit refuses a program that must not work on the database, before it has changed anything: one that
// is older than what was finalised, one that is too new for what is there, and one that would have to
// work for long before it could serve.
func (c *Cluster) Admit(ctx context.Context) error {
	if err := c.Engine.Ensure(ctx, schemas()); err != nil {
		return fmt.Errorf("preparing the cluster version: %w", err)
	}
	s, err := c.read(ctx)
	if err == nil && s.version > 0 {
		err = c.fits(s)
	}
	if err != nil || !c.shared {
		return err
	}
	work, err := c.Engine.Missing(ctx, c.DB.Schemas())
	for _, w := range work {
		if w.Records > lightWork {
			return Refusal(fmt.Sprintf("the database needs work that takes long (%s has more than %d documents); see it with cardea migrate plan, have it done with cardea migrate up",
				w.Collection, lightWork))
		}
	}
	return err
}

// fits reports whether this program may work on a database of that standing.
func (c *Cluster) fits(s standing) error {
	newest, oldest := c.newest(), c.Formats[0]
	switch {
	case s.Version > newest.Number:
		return Refusal(fmt.Sprintf("the database was finalised for data format %d by Cardea %s; this is %s, which knows up to %d: start the newer version, or restore a backup from before",
			s.Version, s.NewestBy, c.Release, newest.Number))
	case s.Converted < oldest.Number:
		return Refusal(fmt.Sprintf("the database holds documents of data format %d, and this version reads them from %d on: start Cardea %s first, run cardea migrate finalise with it, and then this version",
			s.Converted, oldest.Number, oldest.Release))
	}
	return nil
}

// Join makes this program a node. All tables must be there. A database that is empty begins with the
// newest format, any other that says nothing is in the First.
func (c *Cluster) Join(ctx context.Context) error {
	if err := c.found(ctx); err != nil {
		return err
	}
	began := c.DB.Now()
	if err := c.register(ctx); err != nil {
		return err
	}
	s, err := c.change(ctx, func(s *standing) (changed bool) {
		if c.fits(*s) != nil {
			return false
		}
		newest := c.newest().Number
		if newest > s.Newest {
			s.Newest, s.NewestBy, changed = newest, c.Release, true
		}
		if !c.shared && (newest != s.Opened || c.Release != s.OpenedBy) {
			if newest != s.Opened {
				s.OpenedAt = began
			}
			s.Opened, s.OpenedBy, changed = newest, c.Release, true
		}
		return changed
	})
	if err == nil {
		err = c.fits(s)
	}
	if err == nil {
		err = c.notBeingFinalised(ctx)
	}
	if err != nil {
		return errors.Join(err, c.Leave(ctx))
	}
	c.now.Store(&view{writes: s.Version, complete: s.Converted, at: began})
	return nil
}

// found begins the standing of a database that has none.
func (c *Cluster) found(ctx context.Context) error {
	s, err := c.read(ctx)
	if err != nil || s.version > 0 {
		return err
	}
	s.Version = c.newest().Number
	if full, err := c.full(ctx); err != nil {
		return err
	} else if full {
		s.Version = First
	}
	s.Converted, s.Newest, s.NewestBy = s.Version, c.newest().Number, c.Release
	s.Opened, s.OpenedBy, s.OpenedAt = c.newest().Number, c.Release, c.DB.Now()
	if err := c.fits(s); err != nil {
		return err
	}
	err = c.put(ctx, standingKey(), 0, time.Time{}, s)
	if _, exists := errors.AsType[*store.ExistsError](err); exists {
		return nil // another node was faster
	}
	return err
}

var errFound = errors.New("cluster: something is there")

// full reports whether there is a document.
func (c *Cluster) full(ctx context.Context) (bool, error) {
	for _, s := range c.DB.Schemas() {
		err := c.Engine.Export(ctx, s.Name, func(store.Record) error { return errFound })
		if errors.Is(err, errFound) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("looking whether the database is empty: %w", err)
		}
	}
	return false, nil
}

// Received notes that documents were imported which are in any format from oldest on.
func (c *Cluster) Received(ctx context.Context, oldest int) error {
	_, err := c.change(ctx, func(s *standing) bool {
		changed := oldest < s.Converted
		s.Converted = min(s.Converted, oldest)
		return changed
	})
	return err
}

// Readable reports whether this program can read documents of every format in between.
func (c *Cluster) Readable(oldest, newest int) error {
	return c.fits(standing{Version: newest, Converted: oldest, NewestBy: "a newer version"})
}

// busyElsewhere is the error of who wants to do what somebody else is doing.
func busyElsewhere(until time.Time) error {
	return errs.New(errs.Conflict, "upgrade_under_way", "Another process upgrades this database, or was stopped while it did; its turn ends at %s unless it goes on.",
		until.UTC().Format(time.TimeOnly))
}

// known are the formats between two, for messages.
func known(all []Format, from, to int) []Format {
	return slices.DeleteFunc(slices.Clone(all), func(f Format) bool { return f.Number <= from || f.Number > to })
}
