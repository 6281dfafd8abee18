package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// Progress hears how far a step has come. It must not block for long.
type Progress func(step string, done, total int64)

// Status says how the database stands.
type Status struct {
	Format    int       `json:"format"`    // the newest that this program can write
	Version   int       `json:"version"`   // the cluster version: the format that all nodes write; 0: the database is new
	Converted int       `json:"converted"` // no document is in an older format
	Newest    int       `json:"newest"`    // the newest that a node could write which ever opened the database
	NewestBy  string    `json:"newest_by"` // and its release
	Opened    time.Time `json:"opened,omitzero"`
	Finalised time.Time `json:"finalised,omitzero"`
	Shared    bool      `json:"shared"` // whether several nodes can work on it
	Nodes     []Node    `json:"nodes"`
}

// Plan says what an upgrade would do.
type Plan struct {
	Status
	Work      []store.Work `json:"work"`      // at tables and indexes
	Documents []Outdated   `json:"documents"` // that are written anew once the version is finalised
	Formats   []Format     `json:"formats"`   // that finalising passes through
}

// Outdated is how many documents of a collection are not written as in the newest format.
type Outdated struct {
	Collection string `json:"collection"`
	Documents  int64  `json:"documents"`
}

// Status reads how the database stands and changes nothing.
func (c *Cluster) Status(ctx context.Context) (Status, error) {
	out := Status{Format: c.newest().Number, Shared: c.shared, Nodes: []Node{}}
	work, err := c.Engine.Missing(ctx, schemas())
	if err != nil {
		return out, err
	}
	for _, s := range schemas() {
		if slices.Contains(work, store.Work{Collection: s.Name}) { // nobody has counted formats here
			return out, nil
		}
	}
	s, err := c.read(ctx)
	if err != nil || s.version == 0 {
		return out, err
	}
	out.Version, out.Converted, out.Newest, out.NewestBy = s.Version, s.Converted, s.Newest, s.NewestBy
	out.Opened, out.Finalised = s.OpenedAt, s.Finalised
	if nodes, err := c.Nodes(ctx); err != nil {
		return out, err
	} else if len(nodes) > 0 {
		out.Nodes = nodes
	}
	return out, nil
}

// Plan says what this program would do to the database and changes nothing. It reads every document of
// the collections whose form has changed.
func (c *Cluster) Plan(ctx context.Context) (Plan, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return Plan{}, err
	}
	out := Plan{Status: status, Work: []store.Work{}, Documents: []Outdated{}, Formats: []Format{}}
	work, err := c.Engine.Missing(ctx, c.DB.Schemas())
	if err != nil {
		return out, err
	}
	absent := map[string]bool{}
	for _, w := range work {
		absent[w.Collection] = absent[w.Collection] || w == store.Work{Collection: w.Collection}
		out.Work = append(out.Work, w)
	}
	if out.Version == 0 && len(absent) < len(c.DB.Schemas()) {
		out.Version, out.Converted = First, First
	}
	if out.Version > 0 {
		out.Formats = append(out.Formats, known(c.Formats, out.Version, out.Format)...)
		if err := c.fits(standing{Version: out.Version, Converted: out.Converted, NewestBy: out.NewestBy}); err != nil {
			return out, err
		}
	}
	for _, s := range c.DB.Schemas() {
		if absent[s.Name] {
			continue
		}
		n, err := c.count(ctx, s, out.Format)
		if err != nil {
			return out, err
		}
		if n > 0 {
			out.Documents = append(out.Documents, Outdated{Collection: s.Name, Documents: n})
		}
	}
	return out, nil
}

func (c *Cluster) count(ctx context.Context, s store.Schema, format int) (n int64, err error) {
	err = store.Outdated(ctx, c.Engine, s, format, func(store.Key) error { n++; return nil })
	if err != nil {
		err = fmt.Errorf("counting documents of %s: %w", s.Name, err)
	}
	return n, err
}

// Up brings the database to where this program can work on it: tables and indexes are made beside older
// nodes, and documents are written as the cluster version says. Each step is whole or not at all, and a
// second Up goes on where one was killed. Older versions can still come back unless Finalise was called.
func (c *Cluster) Up(ctx context.Context, progress Progress) error {
	if err := c.Engine.Ensure(ctx, schemas()); err != nil {
		return err
	}
	s, err := c.read(ctx)
	if err == nil && s.version > 0 {
		err = c.fits(s)
	}
	if err != nil {
		return err
	}
	return c.alone(ctx, 0, func(ctx context.Context, renew func(context.Context) error) error {
		progress("tables", 0, 1)
		if err := c.DB.Ensure(ctx); err != nil {
			return fmt.Errorf("making tables and indexes: %w", err)
		}
		progress("tables", 1, 1)
		if err := c.Join(ctx); err != nil {
			return err
		}
		return c.convert(ctx, renew, progress)
	})
}

// Finalise raises the cluster version to the newest that this program knows, and has all documents
// written so. From then on older versions cannot work on the database: there is no way back but a
// backup. It refuses while a node is alive that is older. Killed after that, it goes on when it is called again, or with Up.
func (c *Cluster) Finalise(ctx context.Context, progress Progress) error {
	to := c.newest().Number
	return c.alone(ctx, to, func(ctx context.Context, renew func(context.Context) error) error {
		nodes, err := c.Nodes(ctx)
		if err == nil {
			err = tooOld(nodes, to)
		}
		if err != nil {
			return err
		}
		_, err = c.change(ctx, func(s *standing) bool {
			changed := s.Version < to
			if changed {
				s.Version, s.Finalised = to, c.DB.Now()
			}
			return changed
		})
		if err != nil {
			return err
		}
		if err := c.wait(ctx, to, renew, progress); err != nil {
			return err
		}
		return c.convert(ctx, renew, progress)
	})
}

// tooOld refuses while nodes are alive that could not read what is to be written.
func tooOld(nodes []Node, to int) error {
	var names []string
	for _, n := range nodes {
		if n.Format < to {
			names = append(names, fmt.Sprintf("%s (%s, until %s)", n.Name, n.Release, n.Until.UTC().Format(time.TimeOnly)))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return errs.New(errs.Precondition, "older_nodes", "Nodes of an older version are alive: %s; stop them, or wait until a killed one counts as gone.", strings.Join(names, ", "))
}

// wait returns when every node that is alive writes the new format.
func (c *Cluster) wait(ctx context.Context, to int, renew func(context.Context) error, progress Progress) error {
	for {
		if err := c.Beat(ctx); err != nil {
			return err
		}
		nodes, err := c.Nodes(ctx)
		if err != nil {
			return err
		}
		following := int64(0)
		for _, n := range nodes {
			if n.Writes >= to {
				following++
			}
		}
		progress("nodes", following, int64(len(nodes)))
		if following == int64(len(nodes)) {
			return nil
		}
		if err := errors.Join(renew(ctx), pause.For(ctx, c.Lease/60)); err != nil {
			return err
		}
	}
}

// convertPage is how many keys are held in memory at a time.
const convertPage = 50_000

var errEnough = errors.New("cluster: enough keys")

// convert writes all documents anew that are not as the cluster version says. How far it has come stands
// in the documents themselves.
func (c *Cluster) convert(ctx context.Context, renew func(context.Context) error, progress Progress) error {
	s, err := c.read(ctx)
	if err != nil {
		return err
	}
	for _, schema := range c.DB.Schemas() {
		total, err := c.count(ctx, schema, s.Version)
		if err != nil {
			return err
		}
		for done := int64(0); total > 0; {
			n, err := c.convertSome(ctx, schema, s.Version, func(n int) error {
				done += int64(n)
				progress("documents "+schema.Name, min(done, total), total)
				return renew(ctx)
			})
			if err != nil {
				return fmt.Errorf("writing documents of %s anew: %w", schema.Name, err)
			}
			if n == 0 {
				break
			}
		}
	}
	began := c.DB.Now()
	now, err := c.change(ctx, func(now *standing) bool {
		changed := now.Converted < s.Version
		now.Converted = max(now.Converted, s.Version)
		return changed
	})
	if err != nil {
		return err
	}
	return c.look(now, began)
}

func (c *Cluster) convertSome(ctx context.Context, schema store.Schema, format int, after func(n int) error) (int, error) {
	var keys []store.Key
	err := store.Outdated(ctx, c.Engine, schema, format, func(k store.Key) error {
		if keys = append(keys, k); len(keys) == convertPage {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	for i := 0; i < len(keys); i += store.MaxDocs {
		page := keys[i:min(i+store.MaxDocs, len(keys))]
		if err := c.DB.Upgrade(ctx, schema, format, page); err != nil {
			return i, err
		}
		if err := after(len(page)); err != nil {
			return i, err
		}
	}
	return len(keys), nil
}

// turn is who does what only one may do at a time, and up to which format it will finalise.
type turn struct {
	Node string `json:"node"`
	To   int    `json:"to,omitzero"`
}

func turnKey() store.Key { return key("cluster", "turn") }

// alone runs f while no other process does the like. Who is killed keeps its turn until the lease ends.
// renew must be called now and then.
func (c *Cluster) alone(ctx context.Context, to int, f func(ctx context.Context, renew func(context.Context) error) error) error {
	c.mu.Lock()
	busy := c.busy
	c.busy = true
	c.mu.Unlock()
	if busy {
		return busyElsewhere(c.DB.Now())
	}
	defer func() {
		c.mu.Lock()
		c.busy = false
		c.mu.Unlock()
	}()
	if !c.shared {
		return f(ctx, func(context.Context) error { return ctx.Err() })
	}
	l := lease{cluster: c, mine: turn{Node: c.Name, To: to}}
	if err := l.renew(ctx); err != nil {
		return err
	}
	err := f(ctx, l.renew)
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	_ = c.commit(quiet, store.Op{Kind: store.DeleteOp, Key: turnKey(), Version: l.version}) // or the lease ends by itself
	return err
}

// lease is a turn that is being used.
type lease struct {
	cluster *Cluster
	mine    turn
	version int64 // of the record; 0: not taken
	renewed time.Time
}

// renew takes the turn, or keeps it. Where a step has taken longer than the lease it is taken anew: what
// somebody else has done meanwhile is done.
func (l *lease) renew(ctx context.Context) error {
	at := l.cluster.DB.Now()
	if l.version > 0 && at.Sub(l.renewed) < l.cluster.Lease/6 {
		return nil
	}
	err := l.cluster.put(ctx, turnKey(), l.version, at.Add(l.cluster.Lease), l.mine)
	if l.version > 0 && errors.Is(err, store.ErrChanged) {
		l.version = 0
		err = l.cluster.put(ctx, turnKey(), 0, at.Add(l.cluster.Lease), l.mine)
	}
	if _, taken := errors.AsType[*store.ExistsError](err); taken {
		r, _ := l.cluster.Engine.Get(ctx, turnKey())
		return busyElsewhere(r.Expires)
	}
	if err != nil {
		return fmt.Errorf("taking the turn to upgrade: %w", err)
	}
	l.version, l.renewed = l.version+1, at
	return nil
}

// notBeingFinalised refuses to join while somebody raises the cluster version above what this program
// knows. Its row was written before, so whoever finalises has seen it or is seen here.
func (c *Cluster) notBeingFinalised(ctx context.Context) error {
	r, err := c.Engine.Get(ctx, turnKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	var t turn
	if err == nil {
		err = json.Unmarshal(r.Body, &t)
	}
	if err == nil && t.To > c.newest().Number {
		err = Refusal(fmt.Sprintf("the database is just being finalised for data format %d, which %s does not know: start the newer version", t.To, c.Release))
	}
	return err
}
