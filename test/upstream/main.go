// Command upstream is an OpenID provider to sign in through, for deploy/compose and for tests: a provider that
// nobody here wrote, with accounts that everybody knows. It is for nothing else: its passwords are in this file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(1)
	}
}

// settings are the flags; each has an environment variable for its default.
type settings struct {
	listen, issuer, client, secret, redirect string
}

func parse(args []string, env func(string) string) (settings, error) {
	or := func(name, otherwise string) string {
		if v := env(name); v != "" {
			return v
		}
		return otherwise
	}
	var s settings
	f := flag.NewFlagSet("upstream", flag.ContinueOnError)
	f.StringVar(&s.listen, "listen", or("UPSTREAM_LISTEN", "localhost:9090"), "address to serve on (UPSTREAM_LISTEN)")
	f.StringVar(&s.issuer, "issuer", or("UPSTREAM_ISSUER", "http://localhost:9090"), "public address, without a path (UPSTREAM_ISSUER)")
	f.StringVar(&s.client, "client-id", or("UPSTREAM_CLIENT_ID", "cardea"), "its one client (UPSTREAM_CLIENT_ID)")
	f.StringVar(&s.secret, "client-secret", or("UPSTREAM_CLIENT_SECRET", "upstream-secret"), "secret of the client (UPSTREAM_CLIENT_SECRET)")
	f.StringVar(&s.redirect, "redirect", or("UPSTREAM_REDIRECT", "http://localhost:9999/callback"), "redirect URIs of the client, separated by commas (UPSTREAM_REDIRECT)")
	return s, f.Parse(args)
}

// people can sign in, each with the password "upstream-password".
type people []storage.User

func accounts() people {
	return people{
		{ID: "1001", Username: "ada", FirstName: "Ada", LastName: "Byron", Email: "ada@example.com", EmailVerified: true},
		{ID: "1002", Username: "grace", FirstName: "Grace", LastName: "Hopper", Email: "grace@example.com"}, // who has not proved her address
	}
}

const password = "upstream-password"

func (p people) find(match func(storage.User) bool) *storage.User {
	for _, u := range p {
		if match(u) {
			u.Password = password
			return &u
		}
	}
	return nil
}

// GetUserByID implements storage.UserStore.
func (p people) GetUserByID(id string) *storage.User {
	return p.find(func(u storage.User) bool { return u.ID == id })
}

// GetUserByUsername implements storage.UserStore.
func (p people) GetUserByUsername(name string) *storage.User {
	return p.find(func(u storage.User) bool { return u.Username == name })
}

// ExampleClientID implements storage.UserStore; there is no service that gets tokens by JWT.
func (people) ExampleClientID() string { return "" }

func run(ctx context.Context, args []string, env func(string) string) error {
	s, err := parse(args, env)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	storage.RegisterClients(storage.WebClient(s.client, s.secret, strings.Split(s.redirect, ",")...))
	provider := exampleop.SetupServer(s.issuer, storage.NewStorage(accounts()), log, false)
	server := &http.Server{Addr: s.listen, Handler: provider, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Info("serving", "address", s.listen, "issuer", s.issuer)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
