package audit

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cardea-auth/cardea/internal/access"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/page"
	"github.com/cardea-auth/cardea/internal/store"
)

// Report is what a verification found.
type Report struct {
	OK            bool      `json:"ok"`
	Sealed        int64     `json:"sealed"`                  // events that were checked
	Unsealed      int       `json:"unsealed"`                // events that are too new to be sealed, at most 1,000 counted
	UnsealedSince time.Time `json:"unsealed_since,omitzero"` // when the oldest of them happened
	BadSeq        int64     `json:"bad_seq,omitempty"`       // number of the first event that is wrong
	Problem       string    `json:"problem,omitempty"`       // what is wrong, in a sentence
	Checkpoint    string    `json:"checkpoint"`              // the newest, to be kept elsewhere
	Checkpoints   int       `json:"checkpoints,omitempty"`   // older ones that were compared with
	Pinned        int64     `json:"pinned,omitempty"`        // size of the checkpoint that was handed in
	Erased        int       `json:"erased,omitempty"`        // events whose personal part was forgotten
}

// maxUnsealed bounds the count of unsealed events.
const maxUnsealed = 1000

// Verify recomputes the whole log of the caller's tenant: every number, every leaf, every stored hash
// of the tree, and every signed checkpoint. With pinned, a checkpoint kept elsewhere, it also proves
// that the log was neither shortened nor rewritten since. It takes about 10 µs per event and little
// memory, and the log may grow meanwhile. The report says what is wrong; an error means that it could
// not be found out. Permission audit.verify.
func (l *Log) Verify(ctx context.Context, c access.Caller, pinned string) (Report, error) {
	if _, err := l.Guard.Allow(ctx, c, "audit.verify", access.Object{Type: "cardea:audit"}); err != nil {
		return Report{}, err
	}
	v := verification{log: l, tenant: c.Tenant(), roots: map[int64][]mark{}, forgotten: map[string]int64{}}
	if err := v.prepare(ctx, pinned); err != nil {
		return Report{}, err
	}
	for _, step := range []func(context.Context) error{v.events, v.conclude, v.beyond} {
		if err := step(ctx); err != nil {
			return Report{}, err
		}
		if v.report.Problem != "" {
			break
		}
	}
	if err := v.tail(ctx); err != nil {
		return Report{}, err
	}
	v.report.OK = v.report.Problem == ""
	return v.report, nil
}

// verification recomputes a log. It builds its own tree and believes nothing that is stored but the
// events themselves and what a key has signed.
type verification struct {
	log    *Log
	tenant id.Tenant
	head   *head
	report Report

	tree      frontier
	scratch   []tlog.Hash
	roots     map[int64][]mark // what the root must be at which size
	stored    storedHashes
	forgotten map[string]int64 // person → number of the last erased event that awaits its explanation
}

// mark is a root that was signed.
type mark struct {
	root tlog.Hash
	what string
}

// wrong notes what is wrong at event seq. The first finding counts.
func (v *verification) wrong(seq int64, problem string) {
	if v.report.Problem == "" {
		v.report.BadSeq, v.report.Problem = seq, problem
	}
}

func number(seq int64) string { return strconv.FormatInt(seq, 10) }

// prepare reads everything that was signed.
func (v *verification) prepare(ctx context.Context, pinned string) error {
	if pinned != "" {
		c, err := v.log.open(ctx, v.tenant, pinned)
		if errs.Is(err, errs.Unavailable) {
			return err
		}
		if err != nil {
			return errs.Bad("/checkpoint", "is not a checkpoint of this log")
		}
		v.report.Pinned = c.Size
		v.expect(c.Size, c.Root, "the checkpoint that you have kept")
	}
	// The head comes after what is kept: the log may grow meanwhile, and must not seem shorter.
	err := v.openHourly(ctx)
	if err != nil {
		return err
	}
	if v.head, err = v.log.head(ctx, v.tenant); err != nil {
		return err
	}
	v.report.Checkpoint = v.head.Checkpoint
	v.stored = storedHashes{ctx: ctx, chunks: v.log.chunks.In(v.tenant)}
	return v.openHead(ctx)
}

func (v *verification) expect(size int64, root tlog.Hash, what string) {
	v.roots[size] = append(v.roots[size], mark{root, what})
}

func (v *verification) openHead(ctx context.Context) error {
	if v.head.Version == 0 {
		return nil
	}
	c, err := v.log.open(ctx, v.tenant, v.head.Checkpoint)
	switch {
	case errs.Is(err, errs.Unavailable):
		return err
	case err != nil:
		v.wrong(0, "The newest checkpoint is not signed by a key of this log.")
	case c.Size != v.head.Size:
		v.wrong(0, "The head of the log says that it has "+number(v.head.Size)+" events, its checkpoint "+number(c.Size)+".")
	default:
		v.expect(c.Size, c.Root, "its newest checkpoint")
		if tree, err := readFrontier(v.head.Size, v.head.Peaks); err != nil || tree.root() != c.Root {
			v.wrong(0, "The head of the log disagrees with its newest checkpoint.")
		}
	}
	return nil
}

// openHourly reads the checkpoints that are kept in the database. They narrow down when a log was
// changed that has agreed with itself since.
func (v *verification) openHourly(ctx context.Context) error {
	for q := (page.Request{Limit: page.MaxLimit}); ; {
		p, err := v.log.checkpoints.In(v.tenant).Find(ctx, store.Query{Request: q})
		if errs.Is(err, errs.Internal) {
			v.wrong(0, "A kept checkpoint cannot be read.")
			return nil
		}
		if err != nil {
			return err
		}
		for _, kept := range p.Items {
			c, err := v.log.open(ctx, v.tenant, kept.Note)
			switch {
			case errs.Is(err, errs.Unavailable):
				return err
			case err != nil || c.Size != kept.Size:
				v.wrong(0, "The checkpoint of "+kept.ID+" is not signed by a key of this log.")
			default:
				v.report.Checkpoints++
				v.expect(c.Size, c.Root, "the checkpoint of "+kept.ID)
			}
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return nil
		}
	}
}

// conclude looks at what only the end can tell.
func (v *verification) conclude(ctx context.Context) error {
	for _, size := range slices.Sorted(maps.Keys(v.roots)) {
		if size > v.tree.size {
			v.wrong(v.tree.size+1, "The log has "+number(v.tree.size)+" events and is shorter than "+v.roots[size][0].what+", which has "+number(size)+".")
		}
	}
	if len(v.forgotten) == 0 {
		return nil
	}
	if err := v.explainLater(ctx); err != nil {
		return err
	}
	for person, seq := range v.forgotten {
		if v.report.BadSeq == 0 || seq < v.report.BadSeq {
			v.report.Problem = "" // the first one counts
		}
		v.wrong(seq, "The personal part of event "+number(seq)+" was removed without an erasure of "+person+".")
	}
	return nil
}

// explainLater looks for the explanation of an erasure in what came after the verification began, sealed or not
// yet: somebody may erase while it reads. Those that wait are read first, so that none is sealed unseen.
func (v *verification) explainLater(ctx context.Context) error {
	zero, next := store.Int(0), store.Int(v.tree.size+1)
	for _, q := range []store.Query{
		{Index: store.EventsBySeq, Eq: []store.Value{zero}, Request: page.Request{Limit: page.MaxLimit}},
		{Index: store.EventsBySeq, From: &next, Request: page.Request{Limit: page.MaxLimit}},
	} {
		for {
			p, err := v.log.events.In(v.tenant).Find(ctx, q)
			if err != nil {
				return err
			}
			for _, e := range p.Items {
				v.explain(e)
			}
			if q.Cursor = p.Next; q.Cursor == "" || len(v.forgotten) == 0 {
				break
			}
		}
	}
	return nil
}

// beyond looks for events behind the end of the log. The log may have grown since the verification
// began; then the head has, too.
func (v *verification) beyond(ctx context.Context) error {
	in, past, zero := v.log.events.In(v.tenant), store.Int(v.tree.size+1), store.Int(0)
	p, err := in.Find(ctx, store.Query{Index: store.EventsBySeq, From: &past, Request: page.Request{Limit: 1}})
	if err != nil {
		return err
	}
	if len(p.Items) > 0 {
		h, err := v.log.head(ctx, v.tenant)
		if err != nil {
			return err
		}
		if h.Size <= v.tree.size || p.Items[0].Seq != v.tree.size+1 {
			v.wrong(v.tree.size+1, "There are events behind the end of the log.")
		}
	}
	p, err = in.Find(ctx, store.Query{Index: store.EventsBySeq, Until: &zero, Request: page.Request{Limit: 1}})
	if err == nil && len(p.Items) > 0 {
		v.wrong(0, "There are events that are neither numbered nor waiting.")
	}
	return err
}

// tail counts what is not sealed yet.
func (v *verification) tail(ctx context.Context) error {
	in := v.log.events.In(v.tenant)
	first, some, err := in.One(ctx, store.EventsBySeq, store.Int(0))
	if errs.Is(err, errs.Internal) {
		v.wrong(0, "An event that is not sealed cannot be read.")
		return nil
	}
	if err != nil || !some {
		return err
	}
	v.report.UnsealedSince = first.At
	v.report.Unsealed, err = in.Count(ctx, maxUnsealed, store.EventsBySeq, store.Int(0))
	return err
}
