package mail_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/mail"
	"github.com/cardea-auth/cardea/internal/store"
	"github.com/cardea-auth/cardea/internal/store/storetest"
)

const crashMessages = 3

// recovered lets a fresh node, with its clock after every lease, send what is left, and checks that
// nothing was lost and that what came twice came under one id.
func recovered(t *testing.T, h *house) (sent int) {
	t.Helper()
	h.out.set(nil)
	for range 3 { // a first try that failed has a wait of its own
		h.clock.Advance(mail.Lease + mail.LongestWait)
		h.node(nil).Pass(context.WithoutCancel(t.Context()))
	}
	all := h.records(id.Default)
	if n := len(all[store.OutboxSent]); n != crashMessages || len(all) != 1 {
		t.Errorf("after the crash %d of %d are noted as sent: %v", n, crashMessages, all)
	}
	got := h.out.count()
	if len(got) != crashMessages {
		t.Errorf("%d of %d messages were sent", len(got), crashMessages)
	}
	for _, m := range all[store.OutboxSent] {
		if got[m.ID] == 0 || got[m.ID] > 2 {
			t.Errorf("%s was sent %d times", m.ID, got[m.ID])
		}
		sent += got[m.ID]
	}
	return sent
}

func (h *house) postSome() {
	h.Helper()
	for range crashMessages {
		h.post(id.Default, h.note(24*time.Hour))
	}
}

// R24: the k-th call to the store fails, in each of three ways, for every k.
func TestRegress_R24_StoreFault(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]storetest.Fault{"refused": storetest.Refused, "lost": storetest.Lost, "unsent": storetest.Unsent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.SweepFaults(t, fault, func(t *testing.T, f *storetest.Faults) {
				h := newHouse(t, storetest.WithFaults(f))
				h.postSome()
				node := h.node(func(c *mail.RelayConfig) { c.Workers = 1 })
				f.Arm()
				node.Pass(t.Context())
				f.Heal()
				if sent := recovered(t, h); sent != crashMessages {
					t.Errorf("one fault of the store, which the node outlived, had %d mails sent for %d messages", sent, crashMessages)
				}
			})
		})
	}
}

// R24: the node dies at its k-th call to the store, for every k: from there on nothing is written.
func TestRegress_R24_NodeDies(t *testing.T) {
	t.Parallel()
	const enough = 32 // calls: more than a pass makes
	for _, fault := range []storetest.Fault{storetest.Refused, storetest.Lost} {
		for k := 1; k <= enough; k++ {
			t.Run(fmt.Sprintf("fault=%d/call=%d", fault, k), func(t *testing.T) {
				t.Parallel()
				f := storetest.NewFaults()
				h := newHouse(t, storetest.WithFaults(f))
				h.postSome()
				f.FailFrom(k, fault)
				h.relay.Pass(t.Context())
				if k == enough && f.Hits() > 0 {
					t.Errorf("a pass makes more than %d calls", enough)
				}
				f.Heal()
				recovered(t, h)
			})
		}
	}
}

// R24: the mail server takes the mail, and the connection breaks before it says so.
func TestRegress_R24_AnswerLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.postSome()
	h.out.set(func(mail.Mail) error { return errors.New("connection lost") })
	h.relay.Pass(t.Context())
	if sent := recovered(t, h); sent != 2*crashMessages {
		t.Errorf("%d sent", sent)
	}
}
