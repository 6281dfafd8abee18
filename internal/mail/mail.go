package mail

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// Mail is a rendered message. It may hold a link that acts, so it must not be logged; printing it
// shows its id only.
type Mail struct {
	ID       string // unique and the same at each try: the left side of Message-ID
	Tenant   id.Tenant
	Template string
	To       string // a checked address
	Subject  string // one line
	Text     string
	HTML     string
	At       time.Time // when the message was committed
}

// String is the id.
func (m Mail) String() string { return "mail " + m.ID }

// GoString is the id.
func (m Mail) GoString() string { return m.String() }

// LogValue is the id.
func (m Mail) LogValue() slog.Value { return slog.StringValue(m.ID) }

// Sender hands mails to whoever delivers them. Outcomes:
//   - nil: the other side has taken responsibility;
//   - *PermanentError: it never will, and trying again would not help;
//   - any other error: it has not, or it is not known whether it has; try later.
type Sender interface {
	Send(context.Context, Mail) error
}

// PermanentError says that a mail cannot be delivered.
type PermanentError struct{ Err error }

// Error is the cause.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// ErrUnconfigured is the answer of Unconfigured.
var ErrUnconfigured = errors.New("mail: no mail server is configured (mail.smtp.host)")

// Unconfigured is the Sender of a server without mail. It sends nothing and says so, and messages
// wait until there is a server or they expire.
type Unconfigured struct{}

// Send fails with ErrUnconfigured.
func (Unconfigured) Send(context.Context, Mail) error { return ErrUnconfigured }
