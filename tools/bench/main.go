// Command bench measures the shipped binary beside a bare net/http answer, in the same run: the
// server on one core, the load on the other, keep-alive. It prints a table; docs/benchmarks.md keeps
// one with the command that made it.
//
//	go run ./tools/bench [-relations [-peers [-postgres URL]]] [-scale 10000,1000000] [-shared] [-nodes N] [-turns N] [-seconds N] [-connections N] [-only NAME] [-profile DIR] [-binary FILE] [-against FILE]
//
// Where the data is, and whether there is a Redis, is said as to the server: CARDEA_DATABASE_URL and so on.
//
// Quote ratios of one run, never absolute figures across machines.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	var o options
	seconds := flag.Int("seconds", 5, "how long each workload is measured")
	flag.IntVar(&o.connections, "connections", 16, "keep-alive connections")
	flag.StringVar(&o.only, "only", "", "measure only workloads whose name holds this")
	flag.StringVar(&o.binary, "binary", "", "measure this program instead of building one")
	flag.StringVar(&o.against, "against", "", "measure what a request costs beside this program, in turns, and nothing else; with -relations or without")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of the server for each workload into this directory, named by its number")
	flag.BoolVar(&o.relations, "relations", false, "measure checks of relations (data set W1) and nothing else")
	flag.BoolVar(&o.peers, "peers", false, "with -relations: measure OpenFGA too, which is built for it")
	flag.StringVar(&o.postgres, "postgres", "", "with -peers: measure OpenFGA on this PostgreSQL too, an empty database that shares the server's core")
	flag.StringVar(&o.scale, "scale", "", "measure checks in stores of so many tuples, e.g. 10000,100000,1000000, and nothing else; CARDEA_AUTHZ_MEMORY must have room for 150 bytes a tuple of all of them")
	flag.BoolVar(&o.shared, "shared", false, "measure what a second node on the same PostgreSQL and Redis resolves, and nothing else")
	flag.IntVar(&o.nodes, "nodes", 1, "so many nodes on one database, all on the server's core; connections reach them in turn")
	flag.IntVar(&o.turns, "turns", 5, "how often a load without and with a flood of sign-ins is measured")
	asJSON := flag.Bool("json", false, "print JSON, for programs")
	flag.Parse()
	o.span, o.turns = time.Duration(*seconds)*time.Second, max(1, o.turns)
	if err := leaveServerCore(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	debug.SetGCPercent(-1) // a pause of whoever makes the load would look like one of the server
	debug.SetMemoryLimit(4 << 30)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	span        time.Duration
	connections int
	only        string
	profile     string
	binary      string
	relations   bool
	peers       bool
	postgres    string // where OpenFGA is measured too
	scale       string // sizes of stores
	shared      bool
	nodes       int
	turns       int
	against     string
}

// special reports whether something else than the server as a whole is measured.
func (o options) special() bool { return o.relations || o.shared || o.scale != "" }

func run(ctx context.Context, o options, asJSON bool) error {
	bare, err := startBare(ctx)
	if err != nil {
		return err
	}
	defer bare.stop()
	s, err := startServer(ctx, o)
	if err != nil {
		return err
	}
	defer s.stop()
	for i := 1; i < o.nodes; i++ {
		n, err := s.another(ctx, strconv.Itoa(i), os.Environ())
		if err != nil {
			return err
		}
		defer n.end()
		s.others = append(s.others, n)
	}
	if o.against != "" {
		return against(ctx, o, s, bare.workloads())
	}
	var w []workload
	if !o.special() {
		if w, err = s.furnish(ctx); err != nil {
			return err
		}
	}
	limits := bare.workloads()
	results, err := s.measured(ctx, o, append(limits, w...))
	if err != nil {
		return err
	}
	if o.scale != "" {
		more, err := scaled(ctx, o, s)
		if err != nil {
			return err
		}
		results = append(results, more...)
	}
	if o.relations {
		more, err := relations(ctx, o, s, limits[1])
		if err != nil {
			return err
		}
		results = append(results, more...)
	}
	if o.shared {
		more, err := s.shared(ctx, o)
		if err != nil {
			return err
		}
		results = append(results, more...)
	}
	relate(results)
	var flood flooded
	if !o.special() && (o.only == "" || strings.Contains("sign-in", o.only)) {
		more, f, err := s.flood(ctx, o, w)
		if err != nil {
			return fmt.Errorf("sign-in: %w", err)
		}
		results, flood = append(results, more...), f
	}
	if !o.special() { // last, since it makes the server large
		writes, err := s.tupleWrites(ctx)
		if err != nil {
			return err
		}
		more, err := s.measured(ctx, o, writes)
		if err != nil {
			return err
		}
		results = append(results, more...)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{
			"workloads": results, "flood": flood, "start_new_ns": s.coldNew, "start_existing_ns": s.coldExisting,
			"idle_bytes": s.idleRSS, "binary_bytes": s.binarySize,
		})
	}
	print(os.Stdout, results)
	if flood.SignIn > 0 {
		flood.print(os.Stdout)
	}
	fmt.Printf("\nstart to first healthy answer: %d ms on a new database, %d ms on an existing one; resident when idle: %d MB; binary: %d MB\n",
		s.coldNew.Milliseconds(), s.coldExisting.Milliseconds(), s.idleRSS>>20, s.binarySize>>20)
	return nil
}

// measured measures those workloads that are wanted.
func (s *server) measured(ctx context.Context, o options, all []workload) (out []result, err error) {
	for _, x := range all {
		if o.only != "" && !strings.Contains(x.name, o.only) && !strings.HasPrefix(x.name, "bare") {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s …\n", x.name)
		r, err := measure(ctx, x, o, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.name, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// flood measures sign-ins beside the introspection of JWTs.
func (s *server) flood(ctx context.Context, o options, all []workload) ([]result, flooded, error) {
	const name = "introspection, JWT"
	for _, x := range all {
		if x.name == name {
			fmt.Fprintln(os.Stderr, "measuring sign-ins and a flood of them …")
			return s.underFlood(ctx, o, x)
		}
	}
	return nil, flooded{}, errors.New("there is no workload " + name)
}

// relate sets each rate beside the bare answer of the same method.
func relate(results []result) {
	base := map[string]float64{}
	for _, r := range results {
		if method, ok := strings.CutPrefix(r.Name, "bare "); ok {
			base[method] = r.Rate
		}
	}
	for i, r := range results {
		if b := base[r.Method]; b > 0 {
			results[i].OfBare = r.Rate / b
		}
	}
}

func print(w io.Writer, results []result) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "workload\tper second\tof bare\tCPU per op\tp50\tp99\terrors\tcommits per op\tround trips\tloads per op\tcache hits\tserver MB\t")
	for _, r := range results {
		ofBare := "–"
		if r.OfBare > 0 {
			ofBare = fmt.Sprintf("%.0f %%", 100*r.OfBare)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%s\t%v\t%v\t%v\t%d\t%.3g\t%.3g\t%.3g\t%.1f %%\t%d\t\n", r.Name, r.Rate, ofBare, r.CPU.Round(100*time.Nanosecond),
			r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond), r.Errors, r.Commits, r.Trips, r.Loads, 100*r.Hits, r.RSS>>20)
	}
	_ = t.Flush()
}
