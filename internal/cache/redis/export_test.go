package redis

import "time"

// SetNow has counters go by another clock than that of Redis.
func (c *Counters) SetNow(now func() time.Time) { c.now = now }

// Frames passes pieces of a stream through the guard of a connection.
func Frames(pieces ...[]byte) error {
	var f frames
	for _, p := range pieces {
		if err := f.pass(p); err != nil {
			return err
		}
	}
	return nil
}
