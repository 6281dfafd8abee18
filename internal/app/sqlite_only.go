//go:build sqlite_only

package app

import (
	"context"
	"errors"

	"github.com/cardea-auth/cardea/internal/kit/egress"
)

var errSQLiteOnly = errors.New("this program was built with SQLite alone (-tags sqlite_only): leave database.url out, or use another build")

// CheckDatabase says that there is no other database than the file.
func CheckDatabase(string) error { return errSQLiteOnly }

// HasPassword says that no URL may be named, whatever it holds.
func HasPassword(string) bool { return false }

func openServer(context.Context, Config) (database, error) { return database{}, errSQLiteOnly }

// CheckRedis says that there is nobody to share with.
func CheckRedis(string, []egress.Rule, bool) error { return errSQLiteOnly }

func shareByRedis(context.Context, Config, *house) (together, error) {
	return together{}, errSQLiteOnly
}
