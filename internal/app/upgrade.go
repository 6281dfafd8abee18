package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/cluster"
	"github.com/cardea-auth/cardea/internal/store/portable"
)

// formats are the data formats that this program can write. A change of what is stored that an older
// version could not read takes the next number here and a store.Form beside the type; the first line goes
// when no such documents need to be read any more.
func (c Config) formats() []cluster.Format {
	if c.Formats != nil {
		return c.Formats
	}
	return []cluster.Format{{Number: 1, Release: "0.1.0"}}
}

func (c Config) release() string {
	if c.Release == "" {
		return "unreleased"
	}
	return c.Release
}

// node is what people know this process by.
func (c Config) node() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + ":" + filepath.Base(c.Dir)
}

// UpgradeStatus says how the database stands.
func (a *App) UpgradeStatus(ctx context.Context) (cluster.Status, error) {
	return a.house.cluster.Status(ctx)
}

// UpgradePlan says what Upgrade and Finalise would do.
func (a *App) UpgradePlan(ctx context.Context) (cluster.Plan, error) {
	return a.house.cluster.Plan(ctx)
}

// Upgraded says what was done.
type Upgraded struct {
	cluster.Plan        // that was followed
	Snapshot     string `json:"snapshot,omitempty"` // of before; "" if nothing was to be done
}

// Upgrade makes the tables and indexes that this version needs, and has documents written as the cluster
// version says. Older versions can still work on the database. Without snapshot none is made before.
func (a *App) Upgrade(ctx context.Context, snapshot bool, p cluster.Progress) (Upgraded, error) {
	plan, err := a.UpgradePlan(ctx)
	if err != nil {
		return Upgraded{}, err
	}
	done := Upgraded{Plan: plan}
	if snapshot && worthSaving(plan) {
		if done.Snapshot, err = a.snapshot(ctx, plan, p); err != nil {
			return done, err
		}
	}
	return done, a.up(ctx, p)
}

func (a *App) up(ctx context.Context, p cluster.Progress) error {
	if err := a.house.cluster.Up(ctx, p); err != nil || a.begun {
		return err
	}
	a.house.live(ctx)
	return a.settle(ctx)
}

// worthSaving reports whether what is there will be touched.
func worthSaving(p cluster.Plan) bool {
	for _, w := range p.Work {
		if w.Records > 0 {
			return true
		}
	}
	return p.Version > 0 && (p.Converted < p.Version || p.Version < p.Format)
}

// Finalise has all nodes write the newest data format that this version knows, and all documents written
// so. There is no way back to an older version but a backup. What Upgrade does is done before.
func (a *App) Finalise(ctx context.Context, c access.Caller, snapshot bool, p cluster.Progress) (Upgraded, error) {
	done, err := a.Upgrade(ctx, snapshot, p)
	if err != nil || done.Version >= done.Format && done.Converted >= done.Format {
		return done, err
	}
	permit, err := a.Guard.Allow(ctx, c, "cluster.finalise", access.Object{})
	if err != nil {
		return done, err
	}
	if err := a.house.cluster.Finalise(ctx, p); err != nil {
		return done, err
	}
	_, err = a.DB.Commit(ctx, store.Batch{Permit: permit, Events: []store.Event{{
		Kind: "cluster.finalised", Public: map[string]string{"from": fmt.Sprint(done.Version), "to": fmt.Sprint(done.Format)},
	}}})
	return done, err
}

const snapshotName = "before-format-"

// snapshot writes a backup into the data directory, which the version from before can restore, and returns
// its name.
func (a *App) snapshot(ctx context.Context, plan cluster.Plan, p cluster.Progress) (string, error) {
	p("snapshot", 0, 1)
	halves, err := filepath.Glob(filepath.Join(a.Dir, snapshotName+"*.part")) // of upgrades that were killed
	if err != nil {
		return "", err
	}
	for _, half := range halves {
		if err := os.Remove(half); err != nil {
			return "", err
		}
	}
	path := filepath.Join(a.Dir, fmt.Sprintf("%s%d-%s.backup", snapshotName, plan.Format, a.DB.Now().Format("20060102T150405.000Z")))
	if err := a.house.engine.backup(ctx, a, path, portable.Untimed); err != nil {
		_ = os.Remove(path + ".part") // the next has another name
		return "", fmt.Errorf("no snapshot could be made, and nothing was changed (--no-snapshot does without): %w", err)
	}
	p("snapshot", 1, 1)
	return path, nil
}

// settledAfter is how long a database that one process has to itself stays in the older format: so long
// can the older version come back without anybody having asked for that.
const settledAfter = 7 * 24 * time.Hour

// tendFormat goes on with an upgrade that was stopped, and finalises one that nobody else can want to
// take back: where this process has the database to itself and has worked on it for settledAfter.
func (a *App) tendFormat(ctx context.Context) error {
	s, err := a.house.cluster.Status(ctx)
	if err != nil {
		return err
	}
	quiet := func(string, int64, int64) {}
	if s.Converted < s.Version {
		return a.house.cluster.Up(ctx, quiet)
	}
	if s.Shared || s.Version >= s.Format || a.DB.Now().Sub(s.Opened) < settledAfter {
		return nil
	}
	done, err := a.Finalise(ctx, access.Operator(id.System, "serve", "this version has worked for a week"), true, quiet)
	if err == nil {
		a.Log.Info("the database is in the data format of this version; older versions cannot use it any more", "format", s.Format, "snapshot", done.Snapshot)
	}
	return err
}
