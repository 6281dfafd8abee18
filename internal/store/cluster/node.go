package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/pause"
	"github.com/cardea-auth/cardea/internal/store"
)

// node is the row of a node. It expires where nobody renews it.
type node struct {
	Name    string         `json:"name"`
	Release string         `json:"release"`
	Format  int            `json:"format"` // the newest that it can write
	Writes  int            `json:"writes"` // it has finished whatever it began to write in an older one
	Issuer  string         `json:"issuer,omitzero"`
	Started time.Time      `json:"started"`
	Heard   time.Time      `json:"heard"`
	Unknown jsontext.Value `json:",embed"`
}

// Node is a node that is alive, or was a moment ago.
type Node struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Release string    `json:"release"`
	Format  int       `json:"format"` // the newest that it can write
	Writes  int       `json:"writes"`
	Issuer  string    `json:"issuer,omitempty"` // of one that serves
	Started time.Time `json:"started"`
	Heard   time.Time `json:"heard"`
	Until   time.Time `json:"until"` // when it counts as gone if nothing more is heard
}

// maxNodes bounds how many nodes are looked at.
const maxNodes = 1000

// Nodes are the nodes of a shared engine, this one too.
func (c *Cluster) Nodes(ctx context.Context) ([]Node, error) {
	if !c.shared {
		return nil, nil
	}
	records, err := c.Engine.Find(ctx, store.Scan{
		Tenant: id.System, Collection: "node", Index: store.PrimaryIndex, Limit: maxNodes, Now: c.DB.Now(),
	})
	if err != nil {
		return nil, fmt.Errorf("listing the nodes: %w", err)
	}
	out := make([]Node, len(records))
	for i, r := range records {
		var n node
		if err := json.Unmarshal(r.Body, &n); err != nil {
			return nil, fmt.Errorf("listing the nodes: %w", err)
		}
		out[i] = Node{ID: r.ID, Name: n.Name, Release: n.Release, Format: n.Format, Writes: n.Writes, Issuer: n.Issuer, Started: n.Started, Heard: n.Heard, Until: r.Expires}
	}
	return out, nil
}

// register writes this node's row, new or again.
func (c *Cluster) register(ctx context.Context) error {
	if !c.shared {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.node
	n.Heard = c.DB.Now()
	if v := c.now.Load(); v != nil {
		n.Writes = v.writes // as of the time before: what was begun before that has ended
	}
	if err := c.put(ctx, key("node", c.self), c.row, n.Heard.Add(c.Lease), n); err != nil {
		return fmt.Errorf("registering this node: %w", err)
	}
	c.node = n
	c.row++
	return nil
}

// Beat renews this node's row and looks which format is to be written.
func (c *Cluster) Beat(ctx context.Context) error {
	began := c.DB.Now()
	err := c.register(ctx)
	if errors.Is(err, store.ErrChanged) { // it was away for too long, and comes anew
		c.mu.Lock()
		c.row, c.self = 0, id.New()
		c.mu.Unlock()
		return c.rejoin(ctx)
	}
	if err != nil {
		return err
	}
	s, err := c.read(ctx)
	if err != nil {
		return err
	}
	return c.look(s, began)
}

func (c *Cluster) rejoin(ctx context.Context) error {
	err := c.Join(ctx)
	if refused, ok := errors.AsType[Refusal](err); ok {
		c.tooOld(refused)
	}
	return err
}

func (c *Cluster) look(s standing, at time.Time) error {
	if err := c.fits(s); err != nil {
		c.tooOld(err)
		return err
	}
	c.now.Store(&view{writes: s.Version, complete: s.Converted, at: at})
	return nil
}

func (c *Cluster) tooOld(err error) {
	c.now.Store(&view{err: err})
	c.end.Do(func() { close(c.ended) })
}

// Run beats until ctx ends. It returns at once where no other node can be.
func (c *Cluster) Run(ctx context.Context) {
	if !c.shared {
		return
	}
	tick := time.NewTicker(c.Lease / 6)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.hurry:
		}
		within, cancel := context.WithTimeout(ctx, c.Lease/6)
		err := c.Beat(within) // and if it goes on like this the node writes nothing after a while
		cancel()
		c.beaten.Ring()
		if err != nil && pause.For(ctx, c.Lease/60) != nil { // many may be in a hurry
			return
		}
	}
}

// beatSoon has Run beat without waiting for its time.
func (c *Cluster) beatSoon() {
	select {
	case c.hurry <- struct{}{}:
	default:
	}
}

// Leave removes this node's row.
func (c *Cluster) Leave(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.row == 0 {
		return nil
	}
	err := c.commit(ctx, store.Op{Kind: store.DeleteOp, Key: key("node", c.self), Version: c.row})
	c.row = 0
	if errors.Is(err, store.ErrChanged) {
		return nil // it had expired
	}
	return err
}

// Serve says under which issuer this node serves, and refuses if another one serves under another: what
// one signs the other would not accept.
func (c *Cluster) Serve(ctx context.Context, issuer string) error {
	if !c.shared {
		return nil
	}
	c.mu.Lock()
	c.node.Issuer = issuer
	c.mu.Unlock()
	if err := c.register(ctx); err != nil { // before it looks: of two that come at once one sees the other
		return err
	}
	all, err := c.Nodes(ctx)
	for _, n := range all {
		if n.Issuer != "" && n.Issuer != issuer {
			return Refusal(fmt.Sprintf("a node of this database (%s) serves as %s, and this one would as %s: give all the same server.issuer; a node that was killed counts until %s",
				n.Name, n.Issuer, issuer, n.Until.UTC().Format(time.TimeOnly)))
		}
	}
	return err
}
