//go:build !sqlite_only

package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/cardea-auth/cardea/internal/store/mongo"
	"github.com/cardea-auth/cardea/internal/store/portable"
	"github.com/cardea-auth/cardea/internal/store/postgres"
)

// CheckDatabase says what is wrong with the URL of a database, without connecting to it.
func CheckDatabase(text string) error {
	switch {
	case mongo.Is(text):
		return mongo.Check(text)
	case strings.HasPrefix(text, "postgres:"), strings.HasPrefix(text, "postgresql:"):
		return postgres.Check(text)
	}
	return errors.New("must be like postgres://user:password@host:5432/database?sslmode=verify-full or mongodb://user:password@host:27017/database?replicaSet=rs0")
}

// HasPassword reports whether the URL of a database holds a password, or cannot be read.
func HasPassword(text string) bool {
	if mongo.Is(text) {
		return mongo.HasPassword(text)
	}
	u, err := url.Parse(text)
	if err != nil {
		return true
	}
	_, has := u.User.Password()
	return has || u.Query().Has("password") || u.Query().Has("sslpassword")
}

// openServer opens a database that other nodes may share.
func openServer(ctx context.Context, c Config) (database, error) {
	if mongo.Is(c.Database.Reveal()) {
		return openMongo(ctx, c)
	}
	return openPostgres(ctx, c)
}

func openPostgres(ctx context.Context, c Config) (database, error) {
	e, err := postgres.Open(ctx, postgres.Config{URL: c.Database, Now: c.Now})
	if err != nil {
		return database{}, fmt.Errorf("database: %w", err)
	}
	still := func(ctx context.Context, f func(context.Context, portable.Source) error) error {
		return e.Freeze(ctx, func(ctx context.Context, frozen postgres.Frozen) error { return f(ctx, frozen) })
	}
	return database{engine: e, still: still, outlines: true, backup: backupByExport}, nil
}

func openMongo(ctx context.Context, c Config) (database, error) {
	e, err := mongo.Open(ctx, mongo.Config{URL: c.Database, Now: c.Now})
	if err != nil {
		return database{}, fmt.Errorf("database: %w", err)
	}
	still := func(ctx context.Context, f func(context.Context, portable.Source) error) error {
		return e.Freeze(ctx, func(ctx context.Context, frozen mongo.Frozen) error { return f(ctx, frozen) })
	}
	return database{engine: e, still: still, outlines: true, backup: backupByExport}, nil
}
