package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/cardea-auth/cardea/internal/store"
)

// Codes and labels that mean something to us. https://www.mongodb.com/docs/manual/reference/error-codes/
const (
	codeUnauthorized   = 13
	codeAuthentication = 18
	codeSameName       = 48 // NamespaceExists
	codeNoTransaction  = 251
	codeTooLong        = 290 // TransactionExceededLifetimeLimitSeconds
	codeExists         = 11000

	labelTransient = "TransientTransactionError"
	labelUnknown   = "UnknownTransactionCommitResult"
	labelNetwork   = "NetworkError"
)

// fault is an error of the driver or the server without what they put into its text: commands and values, some
// of them somebody's.
type fault struct {
	text  string
	cause error
}

func (f fault) Error() string { return "mongo: " + f.text }

func (f fault) Unwrap() error { return f.cause }

// clean is err as others may see it. Errors of the contract and of contexts pass.
func clean(err error) error {
	var server mongo.ServerError
	switch {
	case err == nil:
		return nil
	case mongo.IsNetworkError(err):
		return fault{"the connection was lost", err}
	case errors.As(err, &server):
		return fault{"the server refuses: " + nameOf(server), err}
	}
	return err
}

// nameOf is the server's name of an error, or its code.
func nameOf(err mongo.ServerError) string {
	if e, ok := errors.AsType[mongo.CommandError](err); ok && e.Name != "" {
		return e.Name
	}
	return fmt.Sprint("code ", err.ErrorCodes())
}

// silence says that no server has answered in time. It is not the error of a context, which would be the
// caller's; what the driver says is kept for whoever starts the server.
type silence struct{ text string }

func (silence) Error() string { return "mongo: no answer in time" }

// again reports whether the same transaction may well succeed at the next try: it met another, or the
// primary has changed, and nothing of it is there. A lost connection is not one of these: most likely the
// server is gone, and the caller shall hear of it.
func again(err error) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorLabel(labelTransient) && !mongo.IsNetworkError(err) && !mongo.IsTimeout(err)
}

// undecided reports whether nobody has said that a commit, which was sent, did not happen.
func undecided(err error) bool {
	var server mongo.ServerError
	return !errors.As(err, &server) || server.HasErrorLabel(labelUnknown) || mongo.IsNetworkError(err) || mongo.IsTimeout(err)
}

// exists is the index that a write stood against, and which of several documents it was.
func exists(err error) (index string, at int, ok bool) {
	message := ""
	if e, is := errors.AsType[mongo.BulkWriteException](err); is && len(e.WriteErrors) > 0 && e.WriteErrors[0].Code == codeExists {
		message, at = e.WriteErrors[0].Message, e.WriteErrors[0].Index
	} else if e, is := errors.AsType[mongo.WriteException](err); is && len(e.WriteErrors) > 0 && e.WriteErrors[0].Code == codeExists {
		message = e.WriteErrors[0].Message
	} else if e, is := errors.AsType[mongo.CommandError](err); is && e.Code == codeExists {
		message = e.Message
	} else {
		return "", 0, false
	}
	_, rest, _ := strings.Cut(message, " index: ")
	index, _, _ = strings.Cut(rest, " ")
	return index, at, true
}

// verdict turns what went wrong with a write into an error of the contract.
func (t *table) verdict(err error) error {
	index, _, ok := exists(err)
	switch {
	case !ok:
		return err
	case index == "_id_":
		index = store.PrimaryIndex
	}
	return &store.ExistsError{Collection: t.Schema.Name, Index: index}
}

// sentence is an error for people already.
type sentence string

func (s sentence) Error() string { return string(s) }

// explain is err in one line for whoever starts the server. It names address and cause, no password.
func (e *Engine) explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if _, ok := errors.AsType[sentence](err); ok {
		return err
	}
	var server mongo.ServerError
	whole := err.Error()
	if f, ok := errors.AsType[fault](err); ok {
		whole = f.cause.Error()
	} else if s, ok := errors.AsType[silence](err); ok {
		whole = s.text
	}
	switch {
	case strings.Contains(whole, "AuthenticationFailed") || strings.Contains(whole, "auth error"):
		return fmt.Errorf("the server at %s refuses the user or password in the database URL", e.address)
	case errors.As(err, &server) && server.HasErrorCode(codeUnauthorized):
		return fmt.Errorf("the user in the database URL must be allowed to read and write at %s, and to make collections and indexes (role readWrite)", e.address)
	case errors.As(err, &server) && !mongo.IsNetworkError(err):
		return fmt.Errorf("the database at %s refuses to work: %s", e.address, nameOf(server))
	}
	return fmt.Errorf("the database at %s does not answer: %s", e.address, lastError(whole))
}

// lastError is the cause at the end of what the driver says of servers that it could not choose.
func lastError(text string) string {
	if _, last, ok := strings.Cut(text, "Last error: "); ok {
		text, _, _ = strings.Cut(last, " }")
	}
	if at := strings.LastIndex(text, "dial "); at >= 0 {
		text = text[at:]
	}
	return strings.Join(strings.Fields(strings.Trim(text, " ]}")), " ")
}
