package mail

import (
	"context"
	"slices"
	"sync"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Mailbox is the Sender of --dev: it keeps the newest mails in memory for a page that shows them to
// whoever asks. It must not be used where strangers can open that page. It is safe for concurrent use.
type Mailbox struct {
	limit int

	mu    sync.Mutex
	mails []Mail // oldest first
}

// NewMailbox makes a mailbox for the newest limit mails; 0 means 200.
func NewMailbox(limit int) *Mailbox {
	if limit <= 0 {
		limit = 200
	}
	return &Mailbox{limit: limit}
}

// Send keeps m, and forgets the oldest if there is no room. A mail that is here already is replaced.
func (b *Mailbox) Send(_ context.Context, m Mail) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = slices.DeleteFunc(b.mails, func(old Mail) bool { return old.ID == m.ID })
	if len(b.mails) == b.limit {
		b.mails = slices.Delete(b.mails, 0, 1)
	}
	b.mails = append(b.mails, m)
	return nil
}

// List is the mails of a tenant, newest first.
func (b *Mailbox) List(t id.Tenant) []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Mail
	for _, m := range slices.Backward(b.mails) {
		if m.Tenant == t {
			out = append(out, m)
		}
	}
	return out
}

// Get is one mail of a tenant; false if it is not, or no longer, here.
func (b *Mailbox) Get(t id.Tenant, mailID string) (Mail, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.mails, func(m Mail) bool { return m.Tenant == t && m.ID == mailID })
	if i < 0 {
		return Mail{}, false
	}
	return b.mails[i], true
}
