package app

import "github.com/cardea-auth/cardea/internal/mail"

// MailboxPage is the page of --dev that shows mails.
func MailboxPage(mails []mail.Mail) string { return string(mailbox(mails)) }
