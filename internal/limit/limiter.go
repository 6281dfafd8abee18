package limit

import (
	"hash/maphash"
	"sync"
	"time"
)

// Bounds of a Limiter.
const (
	shards         = 64
	defaultMaxKeys = 100_000
	evictionSample = 8 // how many counters are looked at to find one to forget
)

// Config is what a Limiter needs.
type Config struct {
	Now     func() time.Time
	MaxKeys int // counters kept at most, some 200 bytes each; default 100,000
}

// Limiter is the counters. It is safe for concurrent use and needs no background task.
type Limiter struct {
	now    func() time.Time
	seed   maphash.Seed
	max    int // per shard
	shards [shards]shard
}

type shard struct {
	mu       sync.Mutex
	counters map[Key]*counter
	_        [40]byte // so that two shards do not share a cache line
}

// NewLimiter makes a Limiter.
func NewLimiter(c Config) *Limiter {
	if c.MaxKeys <= 0 {
		c.MaxKeys = defaultMaxKeys
	}
	l := &Limiter{now: c.Now, seed: maphash.MakeSeed(), max: max(1, c.MaxKeys/shards)}
	for i := range l.shards {
		l.shards[i].counters = map[Key]*counter{}
	}
	return l
}

// Take counts one use of k and reports whether r allowed it. A refused use is not counted.
func (l *Limiter) Take(k Key, r Rule) Verdict {
	now, s := l.now().UnixMicro(), l.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters[k]
	if c == nil {
		c = s.insert(k, now, l.max)
	}
	v := c.look(r, now)
	if v.Allowed() {
		c.count(r, now)
		v.Remaining--
		v.Reset = c.untilEmpty(now)
	}
	return v
}

// Look says what Take would, and counts nothing.
func (l *Limiter) Look(k Key, r Rule) Verdict {
	s := l.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters[k]
	if c == nil {
		return Verdict{Rule: r, Remaining: r.Count}
	}
	return c.look(r, l.now().UnixMicro())
}

// Return gives back the last use of k, for one that another rule refused.
func (l *Limiter) Return(k Key, r Rule) {
	s := l.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.counters[k]; c != nil {
		c.takeBack(r, l.now().UnixMicro())
	}
}

// Bar refuses k for a while, because all nodes together have used its rule up.
func (l *Limiter) Bar(k Key, wait time.Duration) {
	now, s := l.now().UnixMicro(), l.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters[k]
	if c == nil {
		c = s.insert(k, now, l.max)
	}
	c.bar(now + wait.Microseconds())
}

// Len is the number of counters.
func (l *Limiter) Len() int {
	n := 0
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.counters)
		s.mu.Unlock()
	}
	return n
}

func (l *Limiter) shard(k Key) *shard {
	return &l.shards[maphash.Comparable(l.seed, k)%shards]
}

// insert adds a counter. In a full shard it first forgets what is empty anyway or, of a few counters
// in the map's random order, the one that is used up least: an attacker who floods the map with new
// keys pushes out mostly their own.
func (s *shard) insert(k Key, now int64, limit int) *counter {
	if len(s.counters) >= limit {
		s.evict(now)
	}
	c := &counter{}
	s.counters[k] = c
	return c
}

func (s *shard) evict(now int64) {
	var victim Key
	least, seen := 2.0, 0
	for k, c := range s.counters {
		if c.empty <= now {
			delete(s.counters, k)
			least = -1 // there is room now; the loop goes on to tidy up
		} else if c.used < least {
			victim, least = k, c.used
		}
		if seen++; seen == evictionSample {
			break
		}
	}
	if least >= 0 {
		delete(s.counters, victim)
	}
}
