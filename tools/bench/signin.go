package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
)

// accounts is how many people sign in, all with the right password. Each comes from an address of its
// own in the loopback network, so that the limits per address are on and are not what is measured.
const accounts = 100

func account(n int) string { return fmt.Sprintf("person%d@example.com", n) }

// people makes the accounts.
func (s *server) people(ctx context.Context) error {
	for n := range accounts {
		args := []string{"user", "add", account(n), "--verified", "--password-stdin"}
		if err := s.cli(ctx, password, &map[string]any{}, args...); err != nil {
			return err
		}
	}
	return nil
}

// signIns measures how many people can sign in per second, and what one of them costs.
func (s *server) signIns(ctx context.Context, o options, together int) (result, error) {
	at, err := url.Parse(s.base)
	if err != nil {
		return result{}, err
	}
	var (
		mu    sync.Mutex
		times []time.Duration
		wrong []error
		wg    sync.WaitGroup
	)
	// Everybody signs in where they have before: a new browser costs a mail, which is not what is measured.
	for n := range accounts {
		if err := s.signInOnce(ctx, at, n); err != nil {
			return result{}, err
		}
	}
	s.rest(ctx)
	s.toggleProfile(workload{})
	before, end := s.spent(workload{}), time.Now().Add(o.span)
	for w := range together {
		wg.Go(func() {
			c, err := dial(ctx, at, nil)
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			for n := w; time.Now().Before(end) && ctx.Err() == nil; n += together {
				start := time.Now()
				err := s.signInOver(c, n%accounts)
				took := time.Since(start)
				mu.Lock()
				if err != nil {
					wrong = append(wrong, err)
				} else {
					times = append(times, took)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	spent := s.since(before, workload{})
	s.toggleProfile(workload{})
	if len(times) == 0 {
		return result{}, fmt.Errorf("nobody has signed in: %w", errors.Join(wrong...))
	}
	n := float64(len(times))
	return result{
		Name: fmt.Sprintf("sign-in, %d at once", together), Rate: n / o.span.Seconds(), CPU: time.Duration(float64(spent.cpu) / n),
		P50: quantile(times, 50), P99: quantile(times, 99), Errors: len(wrong), Commits: spent.commits / n, Trips: spent.trips / n, RSS: s.rss(),
	}, ctx.Err()
}

// rest waits until the server does next to nothing any more, since mails about new browsers are still on their way.
// Nodes that share a database never do nothing: they say that they are alive. It does not wait for long.
func (s *server) rest(ctx context.Context) {
	idle := float64(2 * (1 + len(s.others)))
	before := s.counted().commits
	for range 10 {
		time.Sleep(2 * time.Second)
		now := s.counted().commits
		if now-before <= idle || ctx.Err() != nil {
			return
		}
		before = now
	}
}

// signInOnce signs in over a connection of its own.
func (s *server) signInOnce(ctx context.Context, at *url.URL, n int) error {
	c, err := dial(ctx, at, nil)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return s.signInOver(c, n)
}

// signInOver is what a browser does: it begins a flow and sends the password. It keeps the cookie by which
// the server knows it again, and no other. A proxy, which keeps its connections, says from where it comes.
func (s *server) signInOver(c *connection, n int) error {
	c.cookies = nil
	from := fmt.Sprintf("127.1.1.%d", n+1)
	var flow struct {
		CSRF string `json:"csrf_token"`
		Done bool   `json:"done"`
	}
	begin := wire("POST", s.base, "/flows", "application/json", []byte(`{"kind":"sign_in"}`), "Sec-Fetch-Site", "same-origin", "X-Forwarded-For", from)
	if err := c.into(begin, &flow); err != nil {
		return err
	}
	prove := wire("POST", s.base, "/flow/password", "application/json", fmt.Appendf(nil, `{"email":%q,"password":%q}`, account(n), password),
		"Sec-Fetch-Site", "same-origin", "X-Forwarded-For", from, "X-CSRF-Token", flow.CSRF, "Cookie", strings.Join(append(c.cookies, s.device(n)...), "; "))
	if err := c.into(prove, &flow); err != nil {
		return err
	}
	if !flow.Done {
		return errors.New("the flow is not done")
	}
	s.keepDevice(n, c.cookies)
	return nil
}

// device is the cookie by which the browser of an account is known, if it is.
func (s *server) device(n int) []string {
	if kept, ok := s.devices.Load(n); ok {
		return []string{kept.(string)}
	}
	return nil
}

func (s *server) keepDevice(n int, cookies []string) {
	for _, c := range cookies {
		if name, value, _ := strings.Cut(c, "="); strings.HasSuffix(name, ".device") && value != "" {
			s.devices.Store(n, c)
		}
	}
}

func (c *connection) into(request []byte, out any) error {
	status, body, err := c.ask(request)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("status %d: %.200s", status, body)
	}
	return json.Unmarshal(body, out)
}

// crowd is a flood of people who sign in and do not wait for each other. It is a process of its own and shares a
// core with the load that is measured, which never rests. So it goes first (where the system lets it): a crowd that
// has to wait comes in bursts, of four at the same priority and of a hundred at a lower one, who then wait for each
// other, and so does everybody else. When an answer came to the load is told by the system, however late it looks.
type crowd struct {
	SignedIn   atomic.Int64
	TurnedAway atomic.Int64
}

// crowdFlag makes this program the crowd: how many come in a second, and to which server.
const (
	crowdFlag = "BENCH_CROWD"
	crowdBase = "BENCH_CROWD_BASE"
)

// orders are what a crowd is told at its standard input, which ends when it shall.
type orders struct{ Devices map[int]string }

// counts are what it prints then.
type counts struct{ SignedIn, TurnedAway int64 }

// beCrowd floods a server until the standard input ends.
func beCrowd(perSecond, base string) error {
	n, err := strconv.Atoi(perSecond)
	if err != nil {
		return err
	}
	s := &server{base: base}
	in := json.NewDecoder(os.Stdin)
	var o orders
	if err := in.Decode(&o); err != nil {
		return err
	}
	for n, cookie := range o.Devices {
		s.devices.Store(n, cookie)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	var k crowd
	k.flood(ctx, s, n)
	return json.NewEncoder(os.Stdout).Encode(counts{k.SignedIn.Load(), k.TurnedAway.Load()})
}

// crowd starts the process and returns what ends it.
func (s *server) crowd(ctx context.Context, perSecond int) (end func() (counts, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "nice", "-n", "-15", self)
	c.Env = append(os.Environ(), crowdFlag+"="+strconv.Itoa(perSecond), crowdBase+"="+s.base)
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, os.Stderr
	if err := c.Start(); err != nil {
		return nil, err
	}
	o := orders{Devices: map[int]string{}}
	s.devices.Range(func(n, cookie any) bool {
		o.Devices[n.(int)] = cookie.(string)
		return true
	})
	if err := json.NewEncoder(in).Encode(o); err != nil {
		return nil, err
	}
	return func() (counts, error) {
		_ = in.Close()
		if err := c.Wait(); err != nil {
			return counts{}, err
		}
		var k counts
		return k, json.Unmarshal(out.Bytes(), &k)
	}, nil
}

// crowded is how many sign-ins of a flood are under way at most; who finds them all taken is not sent.
const crowded = 2000

// flood sends perSecond sign-ins a second until ctx ends.
func (k *crowd) flood(ctx context.Context, s *server, perSecond int) {
	at, err := url.Parse(s.base)
	if err != nil {
		return
	}
	room := make(chan struct{}, crowded)
	var wg sync.WaitGroup
	defer wg.Wait()
	for begin, n := time.Now(), 0; ; n++ {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		select {
		case room <- struct{}{}:
		default:
			continue
		}
		wg.Go(func() {
			defer func() { <-room }()
			if s.signInOnce(ctx, at, n%accounts) == nil {
				k.SignedIn.Add(1)
			} else {
				k.TurnedAway.Add(1)
			}
		})
	}
}

// flooded is what a flood of sign-ins does to everybody else.
type flooded struct {
	Hash       time.Duration `json:"hash_cpu_ns"`    // one hash with nothing around it
	SignIn     time.Duration `json:"sign_in_cpu_ns"` // one sign-in at the server
	PerSecond  int           `json:"flood_per_second"`
	SignedIn   int64         `json:"signed_in"`
	TurnedAway int64         `json:"turned_away"`
	QuietP99   time.Duration `json:"introspection_p99_ns"`
	FloodP99   time.Duration `json:"introspection_p99_in_flood_ns"`
	Base, Peak int64         // resident memory before, and at most during the flood
}

// times20 is how much more a flood brings than the server can take.
const times20 = 20

// steady is how many introspections a second a flood is measured beside: a load that leaves both cores room.
const steady = 5000

// underFlood measures sign-ins alone, and introspection at a steady rate without and with a flood.
func (s *server) underFlood(ctx context.Context, o options, introspection workload) ([]result, flooded, error) {
	var f flooded
	if err := s.people(ctx); err != nil {
		return nil, f, err
	}
	before, err := hashCost(ctx)
	if err != nil {
		return nil, f, err
	}
	alone, err := s.signIns(ctx, o, 8)
	if err != nil {
		return nil, f, err
	}
	after, err := hashCost(ctx)
	if err != nil {
		return nil, f, err
	}
	f.Hash = (before + after) / 2 // it goes with the memory of the machine, which others share
	f.SignIn, f.PerSecond = alone.CPU, int(times20*alone.Rate)

	introspection.pause = time.Duration(o.connections) * time.Second / steady
	introspection.restless = true
	var quiet, storm []result
	for range o.turns { // in turns, since the machine has slow moments of its own
		introspection.name = fmt.Sprintf("introspection, %d/s", steady)
		r, err := measure(ctx, introspection, o, s)
		if err != nil {
			return nil, f, err
		}
		quiet, f.Base = append(quiet, r), s.rss()
		s.forgetPeak()
		end, err := s.crowd(ctx, f.PerSecond)
		if err != nil {
			return nil, f, err
		}
		introspection.name = fmt.Sprintf("the same in a flood of %d sign-ins/s", f.PerSecond)
		if r, err = measure(ctx, introspection, o, s); err != nil {
			return nil, f, err
		}
		storm, f.Peak = append(storm, r), max(f.Peak, s.peak())
		k, err := end()
		if err != nil {
			return nil, f, err
		}
		f.SignedIn, f.TurnedAway = f.SignedIn+k.SignedIn, f.TurnedAway+k.TurnedAway
	}
	q, st := median(quiet), median(storm)
	f.QuietP99, f.FloodP99 = q.P99, st.P99
	return []result{alone, q, st}, f, nil
}

// median is the result with the median of the slowest hundredths.
func median(all []result) result {
	slices.SortFunc(all, func(a, b result) int { return cmp.Compare(a.P99, b.P99) })
	return all[len(all)/2]
}

func (f flooded) print(w io.Writer) {
	fmt.Fprintf(w, `
a sign-in costs %v of processor time, its hash alone %v: %.2f times
in the flood %d signed in, %d were turned away; p99 of introspection %.1f times that without it
server memory %d MB before the flood, at most %d MB during it
`, f.SignIn.Round(100*time.Microsecond), f.Hash.Round(100*time.Microsecond), float64(f.SignIn)/float64(max(1, f.Hash)),
		f.SignedIn, f.TurnedAway, float64(f.FloodP99)/float64(max(1, f.QuietP99)), f.Base>>20, f.Peak>>20)
}

// hashFlag makes this program compute password hashes and nothing else, on the server's core.
const hashFlag = "BENCH_HASH"

// hashCost is the processor time of one password hash with nothing around it.
func hashCost(ctx context.Context) (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	c := onServerCore(ctx, self)
	c.Env = append(os.Environ(), hashFlag+"=1")
	out, err := c.Output()
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Duration(ns), err
}

// printHashCost hashes as the server does by default (RFC 9106 with 19 MiB, two passes, one lane) and
// prints the processor time of one hash, in nanoseconds.
func printHashCost() {
	const hashes = 100
	salt := random(16)
	before := cpuOf(os.Getpid())
	for range hashes {
		argon2.IDKey([]byte(password), salt, 2, 19<<10, 1, 32)
	}
	fmt.Println(int64(cpuOf(os.Getpid())-before) / hashes)
}
