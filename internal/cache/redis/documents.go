package redis

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/internal/store"
)

//go:embed documents.lua
var keeping string

const (
	// keepFor is how long a record is kept: longer than that no node would use it.
	keepFor = time.Minute
	// maxRecord is the largest record that is kept.
	maxRecord = 256 << 10
	// putQueue is how many records may wait to be kept, and putBatch how many are sent together.
	putQueue, putBatch = 8192, 256
)

// A kept record is its head, which can be read and compared as a text, and the rest, sealed:
//
//	'1' (the form) · version as 19 digits │ asOf in µs · expires in ms, 0 is never · body
const (
	headSize  = 1 + 19
	plainSize = 8 + 8
)

// Documents are records that nodes have read, for the others. It implements store.Second.
type Documents struct {
	link   *Link
	script *driver.Script
	queue  chan put

	hits, misses, stale, garbage, dropped atomic.Int64
}

type put struct {
	record store.Record
	asOf   time.Time
}

var _ store.Second = (*Documents)(nil)

// NewDocuments makes the documents of a link. Run keeps what was put.
func NewDocuments(l *Link) *Documents {
	return &Documents{link: l, script: driver.NewScript(keeping), queue: make(chan put, putQueue)}
}

// Answers is how often Recall had something good, had nothing, had something of which a change was heard
// since, and had something that no node of ours has put there.
func (d *Documents) Answers() (hits, misses, stale, garbage int64) {
	return d.hits.Load(), d.misses.Load(), d.stale.Load(), d.garbage.Load()
}

// Dropped is how many records were not kept because too many waited.
func (d *Documents) Dropped() int64 { return d.dropped.Load() }

// Recall implements store.Second.
func (d *Documents) Recall(ctx context.Context, k store.Key, good func(int64, time.Time) bool) (store.Record, bool) {
	name := d.name(k)
	var text []byte
	err := d.link.do(ctx, func(ctx context.Context) (err error) {
		text, err = d.link.client.Get(ctx, name).Bytes()
		return err
	})
	switch {
	case errors.Is(err, driver.Nil):
		d.misses.Add(1)
		return store.Record{}, false
	case err != nil:
		return store.Record{}, false
	}
	r, asOf, ok := d.open(name, text)
	switch r.Key = k; {
	case !ok:
		d.garbage.Add(1)
	case !good(r.Version, asOf):
		d.stale.Add(1)
	default:
		d.hits.Add(1)
		return r, true
	}
	return store.Record{}, false
}

// Put implements store.Second.
func (d *Documents) Put(r store.Record, asOf time.Time) {
	if !d.link.Up() || len(r.Body) > maxRecord {
		return
	}
	select {
	case d.queue <- put{r, asOf}:
	default:
		d.dropped.Add(1)
	}
}

// Run keeps what was put until ctx ends.
func (d *Documents) Run(ctx context.Context) {
	for {
		var batch []put
		select {
		case <-ctx.Done():
			return
		case p := <-d.queue:
			batch = append(batch, p)
		}
		for more := true; more && len(batch) < putBatch; {
			select {
			case p := <-d.queue:
				batch = append(batch, p)
			default:
				more = false
			}
		}
		// Nobody waits for it; if it fails, others read the database.
		_ = d.link.within(ctx, probeWithin, func(ctx context.Context) error { return d.keep(ctx, batch) })
	}
}

func (d *Documents) keep(ctx context.Context, batch []put) error {
	send := func(run func(context.Context, driver.Scripter, []string, ...any) *driver.Cmd) error {
		_, err := d.link.client.Pipelined(ctx, func(p driver.Pipeliner) error {
			for _, x := range batch {
				name := d.name(x.record.Key)
				run(ctx, p, []string{name}, d.seal(name, x), headSize, keepFor.Milliseconds())
			}
			return nil
		})
		return err
	}
	err := send(d.script.EvalSha)
	if driver.HasErrorPrefix(err, "NOSCRIPT") { // twice does no harm
		err = send(d.script.Eval)
	}
	return err
}

func (d *Documents) name(k store.Key) string {
	return d.link.vault.hidden("doc", k.Tenant, k.Collection, k.ID)
}

func (d *Documents) seal(name string, p put) []byte {
	head := fmt.Appendf(make([]byte, 0, headSize), "1%019d", p.record.Version)
	plain := make([]byte, plainSize, plainSize+len(p.record.Body))
	binary.BigEndian.PutUint64(plain, uint64(p.asOf.UnixMicro()))
	if !p.record.Expires.IsZero() {
		binary.BigEndian.PutUint64(plain[8:], uint64(p.record.Expires.UnixMilli()))
	}
	return d.link.vault.seal(name, head, append(plain, p.record.Body...))
}

// open reads what seal has made for that name; nothing else opens.
func (d *Documents) open(name string, text []byte) (r store.Record, asOf time.Time, ok bool) {
	if len(text) < headSize || text[0] != '1' {
		return r, asOf, false
	}
	plain, ok := d.link.vault.open(name, text[:headSize], text[headSize:])
	if !ok || len(plain) < plainSize {
		return r, asOf, false
	}
	version, err := strconv.ParseInt(string(text[1:headSize]), 10, 64)
	if err != nil {
		return r, asOf, false
	}
	r.Version, r.Body = version, plain[plainSize:]
	if at := binary.BigEndian.Uint64(plain[8:]); at != 0 {
		r.Expires = time.UnixMilli(int64(at)).UTC()
	}
	return r, time.UnixMicro(int64(binary.BigEndian.Uint64(plain))).UTC(), true
}
