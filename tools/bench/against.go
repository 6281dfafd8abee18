package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/graph/w1"
)

// slices of time in which two programs are measured in turns, and how many of them: what else the machine does
// meets both alike, and the median of the turns leaves out its worst moments.
const (
	turnsAgainst = 15
	turnSpan     = 400 * time.Millisecond
)

// compared is what a request costs two programs, in processor time.
type compared struct {
	name           string
	ours, theirs   time.Duration
	bare           time.Duration // what a bare answer of the same method costs
	ratio, low, up float64       // the median of the turns, and its quartiles
	ofBare         float64       // a bare answer beside ours: the median of the turns
}

// against measures the same workloads of two programs in turns, on a machine that may have something else to do.
func against(ctx context.Context, o options, s *server, limits []workload) error {
	other := o
	other.binary, other.against = o.against, ""
	t, err := startServer(ctx, other)
	if err != nil {
		return err
	}
	defer t.stop()
	ours, err := s.compare(ctx, o)
	if err != nil {
		return err
	}
	theirs, err := t.compare(ctx, o)
	if err != nil {
		return err
	}
	o.span = turnSpan
	var out []compared
	for i, x := range ours {
		if o.only != "" && !strings.Contains(x.name, o.only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s …\n", x.name)
		c, err := inTurns(ctx, o, [3]answered{{s, x}, {t, theirs[i]}, {s, limitOf(x, limits)}})
		if err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
		out = append(out, c)
	}
	printCompared(os.Stdout, out)
	return nil
}

// compare is the workloads of one of the two.
func (s *server) compare(ctx context.Context, o options) ([]workload, error) {
	if !o.relations {
		return s.furnish(ctx)
	}
	data := w1.New()
	d, err := s.decider(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := d.model(ctx); err != nil {
		return nil, err
	}
	if err := d.load(ctx, data.Tuples); err != nil {
		return nil, err
	}
	questions, err := mixed(data)
	if err != nil {
		return nil, err
	}
	more, err := s.decisions(ctx, d, questions)
	return append(d.workloads(questions), more...), err
}

// limitOf is the bare answer that a workload is set beside.
func limitOf(x workload, limits []workload) workload {
	for _, limit := range limits {
		if strings.HasSuffix(limit.name, x.method) {
			return limit
		}
	}
	return limits[0]
}

// answered is a workload and who answers it.
type answered struct {
	s *server
	workload
}

func inTurns(ctx context.Context, o options, all [3]answered) (compared, error) {
	var cpu [3][]time.Duration
	var ratios, ofBare []float64
	for range turnsAgainst {
		var one [3]float64
		for i, a := range all {
			r, err := measure(ctx, a.workload, o, a.s)
			if err != nil {
				return compared{}, err
			}
			cpu[i], one[i] = append(cpu[i], r.CPU), float64(max(1, r.CPU))
		}
		ratios, ofBare = append(ratios, one[0]/one[1]), append(ofBare, one[2]/one[0])
	}
	slices.Sort(ratios)
	slices.Sort(ofBare)
	n := len(ratios)
	return compared{all[0].name, quantile(cpu[0], 50), quantile(cpu[1], 50), quantile(cpu[2], 50), ratios[n/2], ratios[n/4], ratios[3*n/4], ofBare[n/2]}, nil
}

func printCompared(w io.Writer, all []compared) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "workload\tCPU per op\tof the other\tratio\tquartiles\tbare\tof bare\t")
	for _, c := range all {
		fmt.Fprintf(t, "%s\t%v\t%v\t%.3f\t%.3f to %.3f\t%v\t%.0f %%\t\n", c.name, c.ours.Round(10*time.Nanosecond), c.theirs.Round(10*time.Nanosecond), c.ratio, c.low, c.up, c.bare.Round(10*time.Nanosecond), 100*c.ofBare)
	}
	_ = t.Flush()
}
