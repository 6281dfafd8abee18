package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Command is a command line that is run inside the server: the words after "cardea", and what stands
// on its standard input.
type Command struct {
	Args  []string `json:"args"`
	Stdin string   `json:"stdin,omitempty"`
	Dir   string   `json:"dir"` // working directory of who has typed it: relative files are found there
	// Progress hears how far a long command has come; nil if nobody looks.
	Progress func(step string, done, total int64) `json:"-"`
}

// reply is one of the values that the server answers with: news of the command, then its outcome.
type reply struct {
	Progress *progressed `json:"progress,omitempty"`
	Outcome  *Outcome    `json:"outcome,omitempty"`
}

type progressed struct {
	Step  string `json:"step"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// Outcome is what a command has printed, and its exit status.
type Outcome struct {
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	Code   int    `json:"code"`
}

// Runner runs a command for the operator called who. The command line gives it to the App, so that
// the same function runs in the server and beside it.
type Runner func(ctx context.Context, a *App, who string, c Command) Outcome

// maxCommand bounds what is sent through the socket.
const maxCommand = 64 << 20

// listenControl opens the control socket. Its mode and the check of the peer's user both stand
// between other users of the machine and the operator's authority; no TCP port carries it.
func (a *App) listenControl(ctx context.Context) (net.Listener, error) {
	path := filepath.Join(a.Dir, fileSocket)
	// The lock is ours, so a socket that lies here is of a server that was killed.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the old control socket: %w", err)
	}
	old := unix.Umask(0o177)
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	unix.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("opening the control socket: %w", err)
	}
	return l, nil
}

type peerKey struct{}

// peerContext notes which user of this machine is on the other side of a connection.
func peerContext(ctx context.Context, c net.Conn) context.Context {
	uid, ok := peerOf(c)
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

func peerOf(c net.Conn) (uid int, ok bool) {
	u, isUnix := c.(*net.UnixConn)
	if !isUnix {
		return 0, false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		cred, credErr := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if credErr == nil {
			uid, ok = int(cred.Uid), true
		}
	})
	return uid, ok && err == nil
}

// controlHandler runs commands for the user who runs the server, and for root.
func (a *App) controlHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uid, known := r.Context().Value(peerKey{}).(int)
		if !known || uid != os.Getuid() && uid != 0 {
			http.Error(w, "not allowed", http.StatusForbidden)
			return
		}
		var c Command
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCommand))
		d.DisallowUnknownFields()
		if r.Method != http.MethodPost || d.Decode(&c) != nil || a.Run == nil {
			http.Error(w, "not a command", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		answer := json.NewEncoder(w)
		c.Progress = func(step string, done, total int64) {
			_ = answer.Encode(reply{Progress: &progressed{step, done, total}})
			_ = http.NewResponseController(w).Flush()
		}
		out := a.Run(r.Context(), a, "uid:"+strconv.Itoa(uid), c)
		_ = answer.Encode(reply{Outcome: &out})
	})
}

// SendCommand runs a command in the server that works on dir. ErrNotRunning if there is none.
func SendCommand(ctx context.Context, dir string, c Command) (Outcome, error) {
	path := filepath.Join(dir, fileSocket)
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
	body, err := json.Marshal(c)
	if err != nil {
		return Outcome{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/command", bytes.NewReader(body))
	if err != nil {
		return Outcome{}, err
	}
	answer, err := client.Do(r)
	if err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
			return Outcome{}, ErrNotRunning
		}
		return Outcome{}, fmt.Errorf("asking the running server: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(answer.Body, maxCommand))
		return Outcome{}, errors.Join(fmt.Errorf("the running server refused: %s", strings.TrimSpace(string(text))), err)
	}
	return outcome(json.NewDecoder(answer.Body), c.Progress)
}

// outcome reads what a server answers up to the outcome.
func outcome(answer *json.Decoder, progress func(step string, done, total int64)) (Outcome, error) {
	for {
		var r reply
		if err := answer.Decode(&r); err != nil {
			return Outcome{}, fmt.Errorf("the running server did not come to an end with the command: %w", err)
		}
		if r.Outcome != nil {
			return *r.Outcome, nil
		}
		if p := r.Progress; p != nil && progress != nil {
			progress(p.Step, p.Done, p.Total)
		}
	}
}

// ErrNotRunning says that no server works on the data directory.
var ErrNotRunning = errors.New("no server is running on this data directory")
