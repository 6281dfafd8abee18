package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/internal/config"
)

func TestClaimDir(t *testing.T) {
	t.Parallel()
	for _, dev := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "a", "data")
		for range 2 { // the first start and the next
			if err := config.ClaimDir(dir, dev); err != nil {
				t.Fatal(err)
			}
		}
		is, err := os.Stat(dir)
		if err != nil || is.Mode().Perm() != 0o700 {
			t.Errorf("the directory has mode %v, %v", is.Mode(), err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cardea.db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := config.ClaimDir(dir, dev); err != nil {
			t.Error(err)
		}
		if err := config.ClaimDir(dir, !dev); err == nil || !strings.Contains(err.Error(), "data.dir") {
			t.Errorf("dev %t opens the directory of the other: %v", !dev, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 {
			t.Errorf("there is more than stamp and database: %v, %v", entries, err)
		}
	}
}

func TestClaimDirRefusesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	prepare := func(names map[string]string) string {
		dir := t.TempDir()
		for name, text := range names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for name, c := range map[string]struct {
		names map[string]string
		want  string
	}{
		"others' files":  {map[string]string{"thesis.tex": "x"}, "is not empty"},
		"no stamp":       {map[string]string{"cardea.db": "x"}, "is not empty"},
		"empty stamp":    {map[string]string{"cardea.mode": ""}, "a mark that this version does not know"},
		"unknown stamp":  {map[string]string{"cardea.mode": "cluster\n"}, "a mark that this version does not know"},
		"longer stamp":   {map[string]string{"cardea.mode": "dev\nserver\n"}, "a mark that this version does not know"},
		"died half-way":  {map[string]string{"cardea.mode.ABC": "de"}, ""},
		"master key":     {map[string]string{"master.key": "x"}, ""},
		"new filesystem": {map[string]string{"lost+found": ""}, ""},
	} {
		dir := prepare(c.names)
		err := config.ClaimDir(dir, true)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	file := filepath.Join(prepare(map[string]string{"f": ""}), "f")
	if err := config.ClaimDir(file, true); err == nil {
		t.Error("a file is taken for a directory")
	}
}

// Two runs of different kinds that start at once: one gets the directory, the other is refused.
func TestClaimDirRace(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := filepath.Join(t.TempDir(), "data")
		var failed [2]error
		var both sync.WaitGroup
		for i := range failed {
			both.Go(func() { failed[i] = config.ClaimDir(dir, i == 1) })
		}
		both.Wait()
		if (failed[0] == nil) == (failed[1] == nil) {
			t.Fatalf("server: %v; demonstration: %v", failed[0], failed[1])
		}
	}
}

// A stamp that another run has written in between stays.
func TestStampIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := config.ClaimDir(dir, true); err != nil {
		t.Fatal(err)
	}
	if err := config.WriteStamp(dir); err != nil {
		t.Error(err)
	}
	if err := config.ClaimDir(dir, true); err != nil {
		t.Error(err)
	}
}
