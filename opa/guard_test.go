package main_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNotInCardea: the program as it is shipped carries nothing of OPA.
func TestNotInCardea(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/cardea")
	c.Dir = ".."
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatal(err, string(out))
	}
	for p := range strings.Lines(string(out)) {
		if strings.HasPrefix(p, "github.com/open-policy-agent/") {
			t.Errorf("cmd/cardea imports %s", strings.TrimSpace(p))
		}
	}
	if !strings.Contains(string(out), "cardea/internal/cli\n") {
		t.Error("the list is not that of cardea")
	}
}
