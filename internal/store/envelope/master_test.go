package envelope_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/internal/store/envelope"
)

func TestMasterText(t *testing.T) {
	t.Parallel()
	m := envelope.NewMaster()
	text := m.Text().Reveal()
	back, err := envelope.ParseMaster("  " + text + "\n")
	if err != nil || back.ID() != m.ID() || back.Text().Reveal() != text {
		t.Fatalf("read back: %v, %v", back, err)
	}
	if envelope.NewMaster().ID() == m.ID() {
		t.Error("two keys have one id")
	}
	if len(m.ID()) != 16 || len(text) != 53 {
		t.Errorf("id %q, text of %d characters", m.ID(), len(text))
	}
	bad := map[string]string{
		"empty": "", "blank": " \n", "cut": text[:52], "longer": text + "A", "other prefix": "cdk" + text[3:],
		"upper case": strings.ToUpper(text), "raw": strings.Repeat("k", 32),
	}
	for i := 4; i < len(text); i++ {
		c := byte('A')
		if text[i] == c {
			c = 'B'
		}
		bad["typing error"] = text[:i] + string(c) + text[i+1:]
		for name, s := range bad {
			m, err := envelope.ParseMaster(s)
			if err == nil || m.Valid() {
				t.Fatalf("%s: accepted", name)
			}
			if s = strings.TrimSpace(s); len(s) > 10 && strings.Contains(err.Error(), s[4:]) {
				t.Fatalf("%s: the error repeats the key", name)
			}
		}
	}
	if !(envelope.Master{}).Text().Empty() {
		t.Error("the zero key has a text")
	}
}

func TestMasterFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := envelope.LoadMaster(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("loading no file: %v", err)
	}
	m, err := envelope.CreateMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	is, err := os.Stat(path)
	if err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", is.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
	if got, err := envelope.LoadMaster(path); err != nil || got.ID() != m.ID() {
		t.Errorf("loading: %v, %v", got, err)
	}
	if _, err := envelope.CreateMaster(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("creating it again: %v", err)
	}
	if got, err := envelope.LoadMaster(path); err != nil || got.ID() != m.ID() {
		t.Errorf("the file was replaced: %v, %v", got, err)
	}
}

func TestMasterFileMustBeOurs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := envelope.NewMaster().Text().Reveal()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // beyond the umask
			t.Fatal(err)
		}
		return path
	}
	for name, path := range map[string]string{
		"readable by the group": write("group", good, 0o640),
		"readable by all":       write("all", good, 0o604),
		"writable by all":       write("write", good, 0o602),
		"empty":                 write("empty", "", 0o600),
		"huge":                  write("huge", strings.Repeat(" ", 1<<16)+good, 0o600),
		"a directory":           dir,
	} {
		m, err := envelope.LoadMaster(path)
		if err == nil || m.Valid() {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), good[4:20]) {
			t.Errorf("%s: the error repeats the key", name)
		}
	}
}

func FuzzParseMaster(f *testing.F) {
	good := envelope.NewMaster().Text().Reveal()
	for _, seed := range []string{good, "", "cdm_", "cdm_AAAAAA", good[:20], strings.Repeat("cdm_", 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := envelope.ParseMaster(text)
		if err == nil && m.Text().Reveal() != strings.TrimSpace(text) {
			t.Errorf("%q is read as another key", text)
		}
	})
}

// TestDerive gives each purpose and each master key a key of its own, the same each time.
func TestDerive(t *testing.T) {
	t.Parallel()
	a, b := envelope.NewMaster(), envelope.NewMaster()
	seen := map[[32]byte]bool{}
	for _, m := range []envelope.Master{a, b} {
		for _, purpose := range []string{"", "redis x", "redis y"} {
			key, err := m.Derive(purpose)
			again, _ := m.Derive(purpose)
			if err != nil || seen[key] || key != again || key == [32]byte{} {
				t.Errorf("key for %q: %v, seen before %v", purpose, err, seen[key])
			}
			seen[key] = true
		}
	}
	if _, err := (envelope.Master{}).Derive("redis"); err == nil {
		t.Error("a key was derived from none")
	}
}
