package clients_test

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// superiority is the probability that a value of a is greater than one of b, ties counting half: 0.5 if
// nobody can tell them apart (Mann and Whitney, 1947; Vargha and Delaney, 2000). A rank does not care how
// late the latest were, so a machine that does other things as well changes little.
func superiority(a, b []time.Duration) float64 {
	sorted := slices.Clone(b)
	slices.Sort(sorted)
	won := 0.0
	for _, x := range a {
		below, _ := slices.BinarySearch(sorted, x)
		upTo, _ := slices.BinarySearch(sorted, x+1)
		won += float64(below) + float64(upTo-below)/2
	}
	return won / float64(len(a)*len(b))
}

// TestSuperiority: the measure finds a difference that is there, and none that is not.
func TestSuperiority(t *testing.T) {
	t.Parallel()
	low, high := []time.Duration{1, 2, 3, 4}, []time.Duration{5, 6, 7, 8}
	for name, c := range map[string]struct {
		a, b []time.Duration
		want float64
	}{"same": {low, low, 0.5}, "above": {high, low, 1}, "below": {low, high, 0}, "half": {[]time.Duration{2, 7}, []time.Duration{4, 5}, 0.5}} {
		if got := superiority(c.a, c.b); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestRegress_115_TimesTellNothing compares how long the server takes for accounts that exist and for
// names that do not, one after the other in turn. It is for a schedule and a machine that does little
// else: CARDEA_TEST_TIMES is the number of pairs, 2000 for a release. What the work is, is compared in
// every run by TestRegress_115_SameWork.
func TestRegress_115_TimesTellNothing(t *testing.T) {
	pairs, err := strconv.Atoi(os.Getenv("CARDEA_TEST_TIMES"))
	if err != nil || pairs < 1 {
		t.Skip("set CARDEA_TEST_TIMES to the number of pairs")
	}
	s := startServer(t, launch{env: []string{ // the limits are not what is measured
		"CARDEA_LIMITS_SIGN_IN_ADDRESS=off", "CARDEA_LIMITS_RESET_ADDRESS=off", "CARDEA_LIMITS_RESET_TENANT=off",
		"CARDEA_LIMITS_SIGN_UP_ADDRESS=off", "CARDEA_LIMITS_SIGN_UP_TENANT=off",
		"CARDEA_PASSWORD_ARGON2_MEMORY=7MiB", "CARDEA_PASSWORD_ARGON2_PASSES=5",
	}})
	const each = 4 // failures of one account, before it would have to wait
	known := make([]string, (pairs+each-1)/each)
	for i := range known {
		known[i] = s.addUser(t, fmt.Sprintf("known%06d@times.example", i)).email
	}
	for _, way := range []struct{ kind, step string }{{"sign_in", "password"}, {"recover", "recover"}, {"sign_up", "sign_up"}} {
		var took [2][]time.Duration
		ask := func(which int, email string) {
			b := s.browser(t, user{})
			b.http = plain
			b.begin(map[string]string{"kind": way.kind})
			values := map[string]string{"email": email}
			if way.step != "recover" {
				values["password"] = "Zinnia-Quarry-Falcon-9"
			}
			r := b.request(http.MethodPost, "/flow/"+way.step, values)
			start := time.Now()
			a := s.send(t, r)
			took[which] = append(took[which], time.Since(start))
			if a.status >= 500 || a.status == http.StatusTooManyRequests {
				t.Fatalf("%s: %s", way.kind, a)
			}
		}
		for i := range pairs {
			exists, none := known[i/each], fmt.Sprintf("other%06d@times.example", i/each)
			if i%2 == 0 {
				ask(0, exists)
				ask(1, none)
			} else {
				ask(1, none)
				ask(0, exists)
			}
		}
		got := superiority(took[0], took[1])
		// The standard error of an even chance over n pairs is about 1/sqrt(6n). A known account has a mail
		// to seal, some 80 µs, which no network carries: only what is seen from afar is a fault.
		bound, gap := 4/math.Sqrt(6*float64(pairs)), (median(took[0]) - median(took[1])).Abs()
		t.Logf("%s: a known account takes longer with probability %.3f; medians %v and %v", way.kind, got, median(took[0]), median(took[1]))
		if math.Abs(got-0.5) > bound && gap > time.Millisecond {
			t.Errorf("%s: time tells whether an account exists: %.3f, want 0.5 ± %.3f; the medians differ by %v", way.kind, got, bound, gap)
		}
	}
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
