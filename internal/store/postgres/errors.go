package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cardea-auth/cardea/internal/store"
)

// SQLSTATEs that mean something to us. https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeDivision      = "22012" // see sureFrom
	codeExists        = "23505"
	codeSerialization = "40001"
	codeUnknown       = "40003" // statement_completion_unknown
	codeDeadlock      = "40P01"
	codePassword      = "28P01"
	codeAuthorization = "28000"
	codeNoDatabase    = "3D000"
	codePrivilege     = "42501"
	codeNoSchema      = "3F000"
	codeDuplicate     = "42P07" // duplicate_table
	codeSameName      = "42710" // duplicate_object
	codeLocked        = "55P03" // lock_not_available
)

// stateOf is the SQLSTATE that a server has answered with; "" if it has not answered.
func stateOf(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// refused reports whether the server has answered that it did nothing. One that is going down (FATAL)
// may have committed before, and some say that they do not know.
func refused(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Severity != "FATAL" && e.Severity != "PANIC" && e.SeverityUnlocalized != "FATAL" && e.SeverityUnlocalized != "PANIC" &&
		e.Code != codeUnknown
}

// lostError says that the connection ended under a statement.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

func lost(err error) bool {
	_, ok := errors.AsType[lostError](err)
	return ok
}

// again reports whether the same batch may well succeed at the next try.
func again(err error) bool {
	code := stateOf(err)
	return code == codeSerialization || code == codeDeadlock
}

// verdict turns what went wrong with an operation into an error of the contract.
func (t *table) verdict(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	switch e.Code {
	case codeDivision:
		return store.ErrChanged
	case codeExists:
		if name, ok := t.indexes[e.ConstraintName]; ok {
			return &store.ExistsError{Collection: t.Schema.Name, Index: name}
		}
	}
	return err
}

// explain is err in one line for whoever starts the server. It names address and cause, no password.
func (e *Engine) explain(err error) error {
	if _, ok := errors.AsType[sentence](err); ok || err == nil {
		return err
	}
	switch stateOf(err) {
	case codePassword, codeAuthorization:
		return fmt.Errorf("the server at %s refuses the user or password in the database URL", e.address)
	case codeNoDatabase:
		return fmt.Errorf("the server at %s has no such database; make it with createdb", e.address)
	case codePrivilege, codeNoSchema:
		return fmt.Errorf("the user in the database URL must own a schema at %s, or be allowed to make tables in it: %w", e.address, err)
	}
	if stateOf(err) != "" {
		return fmt.Errorf("the database at %s refuses to work: %w", e.address, err)
	}
	return fmt.Errorf("the database at %s does not answer: %s", e.address, strings.TrimSpace(innermost(err).Error()))
}

// sentence is an error for people already.
type sentence string

func (s sentence) Error() string { return string(s) }

// innermost is the cause without what pgx puts around it, which repeats user and database.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			if all, ok := err.(interface{ Unwrap() []error }); ok && len(all.Unwrap()) > 0 {
				next = all.Unwrap()[0]
			}
		}
		if next == nil {
			return err
		}
		err = next
	}
}
