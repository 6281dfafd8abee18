package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/cluster"
)

type migrateCommands struct {
	Status   migrateStatus   `cmd:"" help:"Show the data format, who can write which, and the nodes that are alive."`
	Plan     migratePlan     `cmd:"" help:"Say what an upgrade would do. Changes nothing."`
	Up       migrateUp       `cmd:"" help:"Make the tables and indexes of this version, after a snapshot. Older versions can still come back."`
	Finalise migrateFinalise `cmd:"" help:"Write the data format of this version from now on. Older versions cannot come back."`
}

type migrateStatus struct{}

func (*migrateStatus) bare() {}

func (*migrateStatus) run(e *env) error {
	s, err := e.UpgradeStatus(e.ctx)
	if err != nil {
		return err
	}
	return e.print(s, func(w io.Writer) { printStatus(w, s) })
}

func printStatus(w io.Writer, s cluster.Status) {
	if s.Version == 0 {
		fmt.Fprintf(w, "The database says no data format yet. This version knows %d.\n", s.Format)
		return
	}
	fmt.Fprintf(w, "Cluster version: data format %d is written. This version knows %d.\n", s.Version, s.Format)
	if s.Newest > 0 {
		fmt.Fprintf(w, "The newest version that ever opened the database is %s, which knows %d.\n", visible(s.NewestBy), s.Newest)
	}
	switch {
	case s.Converted < s.Version:
		fmt.Fprintf(w, "Documents of format %d on are left to be written anew: cardea migrate up.\n", s.Converted)
	case s.Version < s.Format:
		fmt.Fprintln(w, "Older versions can still work on it, until cardea migrate finalise.")
	}
	if !s.Shared {
		return
	}
	table(w, "NODE RELEASE KNOWS WRITES STARTED HEARD", func(row func(...any)) {
		for _, n := range s.Nodes {
			row(n.Name, n.Release, n.Format, n.Writes, n.Started.Format(time.RFC3339), n.Heard.Format(time.RFC3339))
		}
	})
}

type migratePlan struct{}

func (*migratePlan) bare() {}

func (*migratePlan) run(e *env) error {
	p, err := e.UpgradePlan(e.ctx)
	if err != nil {
		return err
	}
	return e.print(p, func(w io.Writer) {
		printStatus(w, p.Status)
		printPlan(w, p)
	})
}

func printPlan(w io.Writer, p cluster.Plan) {
	if len(p.Work) == 0 {
		fmt.Fprintln(w, "up: no table or index is missing.")
	}
	for _, x := range p.Work {
		fmt.Fprintln(w, "up: "+workText(x))
	}
	for _, f := range p.Formats {
		fmt.Fprintf(w, "finalise: data format %d, which Cardea %s has brought.\n", f.Number, visible(f.Release))
	}
	for _, d := range p.Documents {
		fmt.Fprintf(w, "finalise: %d documents of %s are written anew, 100 at a time, while everything works.\n", d.Documents, d.Collection)
	}
}

func workText(x store.Work) string {
	what := "a table for " + x.Collection + "."
	switch {
	case x.Column != "":
		what = fmt.Sprintf("a column %s for %s", x.Column, x.Collection)
	case x.Index != "":
		what = fmt.Sprintf("an index %s for %s", x.Index, x.Collection)
	default:
		return what
	}
	count := fmt.Sprint(x.Records)
	if x.Records == store.MaxWork {
		count += " or more"
	}
	return what + ", over " + count + " documents."
}

type migrateUp struct {
	NoSnapshot bool `help:"Do not write a backup into the data directory before."`
}

func (*migrateUp) bare() {}

func (c *migrateUp) run(e *env) error {
	done, err := e.Upgrade(e.ctx, !c.NoSnapshot, e.progress)
	if err != nil {
		return err
	}
	return e.upgraded(done, "The database is as this version needs it.")
}

type migrateFinalise struct {
	NoSnapshot bool `help:"Do not write a backup into the data directory before."`
}

func (*migrateFinalise) bare() {}

func (c *migrateFinalise) run(e *env) error {
	done, err := e.Finalise(e.ctx, e.in(id.System), !c.NoSnapshot, e.progress)
	if err != nil {
		return err
	}
	if done.Version == done.Format && done.Converted == done.Format {
		return e.upgraded(done, fmt.Sprintf("Data format %d is written already.", done.Format))
	}
	return e.upgraded(done, fmt.Sprintf("Data format %d is written from now on. Versions that do not know it cannot use the database any more.", done.Format))
}

func (e *env) upgraded(done app.Upgraded, sentence string) error {
	return e.print(done, func(w io.Writer) {
		fmt.Fprintln(w, sentence)
		if done.Snapshot != "" {
			fmt.Fprintf(w, "The database from before is kept as %s; the version from before takes it with cardea restore.\n", done.Snapshot)
		}
	})
}
