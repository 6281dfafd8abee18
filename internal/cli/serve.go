package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/cardea-auth/cardea/internal/app"
	"github.com/cardea-auth/cardea/internal/identity/password/apart"
	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
)

type serveCommand struct {
	Listen     string `help:"Address of the public listener." placeholder:"ADDR"`
	Management string `help:"Address of the private listener: health and metrics." placeholder:"ADDR"`
	Issuer     string `help:"Public address: scheme, host and port." placeholder:"URL"`
	TLSCert    string `name:"tls-cert" help:"Certificate file." placeholder:"FILE"`
	TLSKey     string `name:"tls-key" help:"Key file." placeholder:"FILE"`
}

func (c *serveCommand) local(l *localRun) error {
	config, err := l.config()
	if err != nil {
		return err
	}
	workers := apart.New(apart.Config{Command: passwordWorker, Failed: func(err error) {
		config.Log.Warn("workers for password hashes end without an answer; the server hashes itself", "error", err)
	}})
	defer func() { _ = workers.Close() }()
	config.Password.Worker = workers
	a, err := app.Open(l.ctx, config)
	if err != nil {
		return err
	}
	tune(l.ctx)
	if err := rememberIssuer(config.Dir, config.Issuer); err != nil {
		return errors.Join(err, a.Close())
	}
	return errors.Join(l.serve(a), a.Close())
}

// passwordWorker starts this program once more, as Main knows it by its arguments, without the
// server's environment: that may hold secrets.
func passwordWorker(at apart.Priority) *exec.Cmd {
	program := "/proc/self/exe" // also when the file was replaced by a newer one meanwhile
	if _, err := os.Stat(program); err != nil {
		if program, err = os.Executable(); err != nil {
			program = os.Args[0]
		}
	}
	c := exec.Command(program)
	// The root is there in every container, and keeps no directory from being unmounted.
	c.Args, c.Env, c.Dir = []string{os.Args[0], apart.Name, string(at)}, []string{}, string(filepath.Separator)
	return c
}

func (l *localRun) serve(a *app.App) error {
	if a.Dev {
		if err := a.Demo(l.ctx); err != nil {
			return err
		}
	}
	s, err := a.Listen(l.ctx)
	if err != nil {
		return err
	}
	l.greet(a, s)
	debug.FreeOSMemory() // what starting has left behind, which an idle server would keep for long
	return s.Run(l.ctx)
}

// greet tells whoever started the server where it is and what to do next.
func (l *localRun) greet(a *app.App, s *app.Server) {
	say := func(format string, args ...any) { fmt.Fprintf(l.process.Stdout, format+"\n", args...) }
	say("Cardea answers at %s (listening on %s, health and metrics on %s).", a.Config.Issuer, s.Address(), s.Management())
	if a.Dev {
		say("Development: %s, %s and %s sign in with %q; mails are at %s/dev/mailbox, an API to try at %s/dev/sample.",
			app.DemoAdmin, app.DemoEditor, app.DemoViewer, app.DemoPassword, a.Config.Issuer, a.Config.Issuer)
	}
	link, err := a.SetUpLink(l.ctx, a.Operator(id.System, "start", "first start"))
	switch {
	case errs.CodeOf(err) == "set_up_closed":
	case err != nil:
		say("No set-up link could be made: %v", err)
	case l.process.Terminal:
		say("Make the first administrator here, within 30 minutes: %s", link)
	default: // not into a log that others may read
		path := filepath.Join(a.Dir, "setup-link")
		if err := os.WriteFile(path, []byte(link+"\n"), 0o600); err != nil {
			say("The set-up link could not be written: %v", err)
			return
		}
		say("The link that makes the first administrator is in %s for 30 minutes.", path)
	}
}

type versionCommand struct{}

// release is the version of this program.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "unreleased"
}

func (*versionCommand) local(l *localRun) error {
	version, revision := release(), ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	if l.global.JSON {
		return json.NewEncoder(l.process.Stdout).Encode(map[string]string{"version": version, "revision": revision, "go": runtime.Version()})
	}
	_, err := fmt.Fprintln(l.process.Stdout, "cardea", version, revision, runtime.Version())
	return err
}

type restoreCommand struct {
	File string `arg:"" help:"A file that backup has written."`
}

func (c *restoreCommand) local(l *localRun) error {
	config, err := l.config()
	if err != nil {
		return err
	}
	kept, err := app.Restore(l.ctx, config, absolute(l.process.Dir, c.File))
	if errors.Is(err, app.ErrRunning) {
		return errors.New("a server is running on this data directory; stop it first")
	}
	if err != nil {
		return err
	}
	if l.global.JSON {
		return json.NewEncoder(l.process.Stdout).Encode(map[string]any{"ok": true, "replaced": kept})
	}
	fmt.Fprintln(l.process.Stdout, "Restored. All sessions, tokens and API keys have ended, so that nothing that was revoked comes back.")
	if kept != "" {
		fmt.Fprintf(l.process.Stdout, "The database from before is kept as %s.\n", kept)
	}
	return nil
}

type importCommand struct {
	File string `arg:"" help:"A file that export has written."`
}

func (c *importCommand) local(l *localRun) error {
	config, err := l.config()
	if err != nil {
		return err
	}
	f, err := os.Open(absolute(l.process.Dir, c.File))
	if err != nil {
		return fmt.Errorf("opening the file: %w", err)
	}
	defer func() { _ = f.Close() }()
	bar := l.bar()
	done, err := app.Import(context.WithoutCancel(l.ctx), config, f, seldom(bar.show, config.Now))
	bar.end()
	if err != nil {
		return err
	}
	if l.global.JSON {
		return json.NewEncoder(l.process.Stdout).Encode(moved{OK: true, Documents: done.Docs, Tuples: done.Tuples, Parts: done.Parts})
	}
	printParts(l.process.Stdout, done.Parts)
	_, err = fmt.Fprintf(l.process.Stdout, "%d documents and %d tuples imported, and found to be what the file holds. Sessions, tokens and API keys have ended.\n", done.Docs, done.Tuples)
	return err
}
