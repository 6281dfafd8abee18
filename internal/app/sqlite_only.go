//go:build sqlite_only

package app

import (
	"context"
	"errors"
)

var errSQLiteOnly = errors.New("this program was built with SQLite alone (-tags sqlite_only): leave database.url out, or use another build")

// CheckDatabase says that there is no other database than the file.
func CheckDatabase(string) error { return errSQLiteOnly }

func openPostgres(context.Context, Config) (database, error) { return database{}, errSQLiteOnly }
