package redis

import (
	"context"
	_ "embed"
	"errors"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/internal/limit"
)

//go:embed counters.lua
var counting string

// Counters are the counters of limits that all nodes share. They implement limit.Shared.
type Counters struct {
	link   *Link
	script *driver.Script
	now    func() time.Time // nil: the clock of Redis, the one that all nodes have in common
}

var _ limit.Shared = (*Counters)(nil)

// NewCounters makes the counters of a link.
func NewCounters(l *Link) *Counters { return &Counters{link: l, script: driver.NewScript(counting)} }

// Take implements limit.Shared.
func (c *Counters) Take(uses []limit.Use) ([]limit.Verdict, bool) { return c.ask("take", uses) }

// Look implements limit.Shared.
func (c *Counters) Look(uses []limit.Use) ([]limit.Verdict, bool) { return c.ask("look", uses) }

// Return implements limit.Shared.
func (c *Counters) Return(uses []limit.Use) { _, _ = c.ask("return", uses) }

// Alone implements limit.Shared.
func (c *Counters) Alone() int {
	if c.link.Up() {
		return 1
	}
	return c.link.Nodes()
}

// ask runs the script for each use, all sent together. Whoever gives up does not undo what is counted,
// so the context is not the caller's.
func (c *Counters) ask(op string, uses []limit.Use) ([]limit.Verdict, bool) {
	out := make([]limit.Verdict, len(uses))
	err := c.link.do(c.link.life, func(ctx context.Context) error {
		answers, err := c.send(ctx, op, uses)
		if err != nil {
			return err
		}
		for i, a := range answers {
			n, err := a.Int64Slice()
			if err != nil || len(n) != 3 || n[0] < 0 || n[1] < 0 || n[2] < 0 || n[0] > int64(uses[i].Rule.Count) {
				return errors.Join(errGarbage, err)
			}
			out[i] = limit.Verdict{Rule: uses[i].Rule, Remaining: int(n[0]), Wait: milliseconds(n[1]), Reset: milliseconds(n[2])}
		}
		return nil
	})
	return out, err == nil
}

func (c *Counters) send(ctx context.Context, op string, uses []limit.Use) ([]*driver.Cmd, error) {
	answers := make([]*driver.Cmd, len(uses))
	if len(uses) == 1 {
		answers[0] = c.script.Run(ctx, c.link.client, c.key(uses[0]), c.args(op, uses[0])...)
		return answers, answers[0].Err()
	}
	_, _ = c.link.client.Pipelined(ctx, func(p driver.Pipeliner) error { // each has an error of its own
		for i, u := range uses {
			answers[i] = c.script.EvalSha(ctx, p, c.key(u), c.args(op, u)...)
		}
		return nil
	})
	for i, u := range uses {
		if driver.HasErrorPrefix(answers[i].Err(), "NOSCRIPT") { // not counted, unlike those that another server has done
			answers[i] = c.script.Eval(ctx, c.link.client, c.key(u), c.args(op, u)...)
		}
		if err := answers[i].Err(); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

func (c *Counters) key(u limit.Use) []string {
	kind := "rate"
	if u.Rule.Exact() {
		kind = "times"
	}
	return []string{c.link.vault.hidden(kind, u.Key.Tenant(), u.Key.Text())}
}

func (c *Counters) args(op string, u limit.Use) []any {
	interval, now := int64(0), any("")
	if !u.Rule.Exact() {
		interval = u.Rule.Interval().Microseconds()
	}
	if c.now != nil {
		now = c.now().UnixMicro()
	}
	return []any{op, u.Rule.Count, u.Rule.Per.Microseconds(), interval, now}
}

// milliseconds rounds up, and is never zero for what is not over.
func milliseconds(us int64) time.Duration {
	return time.Duration((us+999)/1000) * time.Millisecond
}
