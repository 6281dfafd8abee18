package app

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cardea-auth/cardea/internal/mail"
)

// MailboxPage is the page of --dev that shows mails.
func MailboxPage(mails []mail.Mail) string { return string(mailbox(mails)) }

// Handler is the public door, without a listener.
func (a *App) Handler(ctx context.Context) (http.Handler, error) {
	return a.handler(ctx, prometheus.NewRegistry())
}

// TakeLock is takeLock, for tests.
var TakeLock = takeLock
