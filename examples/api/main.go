// Command api is an example: a small invoice service protected with package cardea. It knows nothing
// about passwords, sessions or roles; it says what a route needs, and Cardea says who may.
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

	"github.com/cardea-auth/cardea"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// settings are the flags; each has an environment variable for its default.
type settings struct {
	listen, issuer, audience, clientID, secretFile string
}

func parse(args []string, env func(string) string) (settings, error) {
	or := func(name, otherwise string) string {
		if v := env(name); v != "" {
			return v
		}
		return otherwise
	}
	var s settings
	f := flag.NewFlagSet("api", flag.ContinueOnError)
	f.StringVar(&s.listen, "listen", or("API_LISTEN", "localhost:8080"), "address to serve on (API_LISTEN)")
	f.StringVar(&s.issuer, "issuer", or("API_ISSUER", "http://localhost:8420"), "the Cardea issuer (API_ISSUER)")
	f.StringVar(&s.audience, "audience", or("API_AUDIENCE", "http://localhost:8080"), "this API's identifier, as tokens name it (API_AUDIENCE)")
	f.StringVar(&s.clientID, "client-id", env("API_CLIENT_ID"), "this API's client id (API_CLIENT_ID)")
	f.StringVar(&s.secretFile, "client-secret-file", env("API_CLIENT_SECRET_FILE"), "file with the client secret (API_CLIENT_SECRET_FILE, or the secret itself in API_CLIENT_SECRET)")
	return s, f.Parse(args)
}

// secret comes from a file or the environment, never from a flag, which every user of the machine can read.
func (s settings) secret(env func(string) string) (cardea.Secret, error) {
	if s.secretFile == "" {
		return cardea.Secret(env("API_CLIENT_SECRET")), nil
	}
	raw, err := os.ReadFile(s.secretFile)
	if err != nil {
		return "", fmt.Errorf("reading the client secret: %w", err)
	}
	return cardea.Secret(strings.TrimSpace(string(raw))), nil
}

func run(ctx context.Context, args []string, env func(string) string) error {
	s, err := parse(args, env)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	secret, err := s.secret(env)
	if err != nil {
		return err
	}
	auth, err := cardea.New(ctx, cardea.Config{
		Issuer: s.issuer, Audience: s.audience, ClientID: s.clientID, ClientSecret: secret,
		Notice: func(what string, cause error) { slog.Warn(what, "cause", cause) },
	})
	if err != nil {
		return err
	}
	defer auth.Close()

	server := &http.Server{Addr: s.listen, Handler: routes(auth, newInvoices()), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	slog.Info("serving", "address", "http://"+s.listen, "issuer", s.issuer)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
