package limit

import (
	"strconv"
	"time"
)

// counter is the uses of one key. Times are in microseconds, so that rates of up to a million a
// second are exact enough.
type counter struct {
	times []int64 // of the uses that still count, oldest first; for a small Rule
	full  int64   // for a rate: when all of it has refilled (the theoretical arrival time of GCRA)
	empty int64   // when nothing is left that counts, so that the counter may be forgotten
	used  float64 // the part of the rule that was used up at the last use, for choosing what to forget
	// barred is until when nothing is allowed, because all nodes together have used the rule up.
	barred int64
}

// Verdict is what a rule says about a use. The zero Verdict allows, and limits nothing.
type Verdict struct {
	Rule      Rule
	by        *applied
	Remaining int           // uses left now, this one taken off
	Reset     time.Duration // until nothing counts any more
	Wait      time.Duration // 0 if the use is allowed; else how long until one will be
}

// Allowed reports whether the use is allowed.
func (v Verdict) Allowed() bool { return v.Wait == 0 }

// Name is the name of the rule: intent and what it counts by.
func (v Verdict) Name() string {
	if v.by == nil {
		return ""
	}
	return v.by.name
}

// Policy is the rule as RateLimit-Policy says it (draft-ietf-httpapi-ratelimit-headers-10).
func (v Verdict) Policy() string {
	if v.by == nil {
		return ""
	}
	return v.by.policy
}

// Left is what the rule has left, as RateLimit says it: uses, and seconds until there are more.
func (v Verdict) Left() string {
	b := make([]byte, 0, 64)
	b = strconv.AppendQuote(b, v.Name())
	b = strconv.AppendInt(append(b, ";r="...), int64(v.Remaining), 10)
	b = strconv.AppendInt(append(b, ";t="...), Seconds(max(v.Wait, v.Reset)), 10)
	return string(b)
}

// look says whether one more use is allowed at now.
func (c *counter) look(r Rule, now int64) Verdict {
	v := Verdict{Rule: r, Reset: c.untilEmpty(now)}
	if c.barred > now {
		v.Wait = micro(c.barred - now)
		return v
	}
	if r.Count > exactUpTo {
		ahead := max(0, c.full-now)
		v.Remaining = int(max(0, int64(r.Count)-(ahead+r.interval()-1)/r.interval()))
		if v.Remaining == 0 {
			v.Wait = micro(ahead - int64(r.Count-1)*r.interval())
		}
		return v
	}
	c.forget(now - r.Per.Microseconds())
	v.Remaining = max(0, r.Count-len(c.times))
	if v.Remaining == 0 {
		// The rule may have become stricter since: wait until few enough are left.
		v.Wait = micro(c.times[len(c.times)-r.Count] + r.Per.Microseconds() - now)
	}
	return v
}

// count notes a use that look has allowed.
func (c *counter) count(r Rule, now int64) {
	if r.Count > exactUpTo {
		c.full = max(c.full, now) + r.interval()
		c.empty = c.full
		c.used = float64(c.full-now) / float64(r.Per.Microseconds())
		return
	}
	c.times = append(c.times, now)
	c.empty = now + r.Per.Microseconds()
	c.used = float64(len(c.times)) / float64(r.Count)
}

func (c *counter) takeBack(r Rule, now int64) {
	if r.Count > exactUpTo {
		c.full -= r.interval()
		c.empty = c.full
		return
	}
	if n := len(c.times); n > 0 {
		c.times = c.times[:n-1]
		c.empty = now
		if n > 1 {
			c.empty = c.times[n-2] + r.Per.Microseconds()
		}
	}
}

// bar allows nothing until then.
func (c *counter) bar(until int64) {
	c.barred, c.empty, c.used = until, max(c.empty, until), 1
}

// forget drops the uses at or before the given time.
func (c *counter) forget(until int64) {
	n := 0
	for n < len(c.times) && c.times[n] <= until {
		n++
	}
	if n > 0 {
		c.times = append(c.times[:0], c.times[n:]...)
	}
}

func (c *counter) untilEmpty(now int64) time.Duration { return micro(max(0, c.empty-now)) }

// micro rounds up to milliseconds and is never zero for something that is not over.
func micro(us int64) time.Duration {
	if us <= 0 {
		return 0
	}
	return time.Duration((us+999)/1000) * time.Millisecond
}
