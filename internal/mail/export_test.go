package mail

import (
	"context"
	"time"
)

// Pass looks once at all tenants and waits for the tries that it has started.
func (r *Relay) Pass(ctx context.Context) {
	r.pass(ctx, true)
	r.sending.Wait()
}

// Hurry shortens the pauses between tries to note an outcome.
func (r *Relay) Hurry() { r.pause = time.Microsecond }

// The bounds that tests move the clock by.
const (
	Lease       = lease
	LongestWait = longestWait
	Batch       = batch
)

// Wait is how long to wait after the n-th try.
func Wait(n int) time.Duration { return wait(n) }

// CheckAddress and CheckLink are the second wall.
func CheckAddress(s string) error { return checkAddress(s) }

// CheckLink accepts a link.
func CheckLink(s string) error { return checkLink(s) }

// Visible is s as it stands in a mail.
func Visible(s string) string { return visible(s, maxName) }
