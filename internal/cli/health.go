package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/config"
)

// healthCommand asks the management listener of a server on this machine, as a probe in a container that
// holds nothing but this program.
type healthCommand struct{}

// healthPatience is longer than the server gives its own check.
const healthPatience = 5 * time.Second

func (healthCommand) local(l *localRun) error {
	c, err := l.settings()
	if err != nil {
		return err
	}
	if c.Server.Management == config.Off {
		return errors.New("server.management is off: there is nobody to ask")
	}
	text, err := askReady(l, nearby(string(c.Server.Management)))
	if err != nil {
		return err
	}
	if l.global.JSON {
		return json.NewEncoder(l.process.Stdout).Encode(map[string]any{"ready": true, "detail": text})
	}
	_, err = fmt.Fprintln(l.process.Stdout, text)
	return err
}

func askReady(l *localRun, at string) (string, error) {
	client := http.Client{Timeout: healthPatience}
	r, err := http.NewRequestWithContext(l.ctx, http.MethodGet, "http://"+at+"/readyz", nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", fmt.Errorf("no server answers at %s", at)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(body))
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("not ready: %s", text)
	}
	return text, nil
}

// nearby is how this machine reaches a listener: one on all addresses is on loopback too.
func nearby(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}
