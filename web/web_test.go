package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// roots decide what is built. build/sources.ts has the same list.
func roots() []string {
	return []string{"src", "build", "auth.html", "app.html", "plain.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"}
}

// TestBuildIsFresh: what is committed as built was built from the sources beside it. Without Node it says
// that a build is missing; scripts/ui makes it, and make test compares every byte.
func TestBuildIsFresh(t *testing.T) {
	isTest := regexp.MustCompile(`\.test\.tsx?$`)
	var paths []string
	for _, root := range roots() {
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !isTest.MatchString(p) {
				paths = append(paths, filepath.ToSlash(p))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(paths)
	h := sha256.New()
	for _, p := range paths {
		content, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte(p + "\x00"))
		h.Write(content)
		h.Write([]byte{0})
	}
	built, err := os.ReadFile("dist/sources.sha256")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(built)) != hex.EncodeToString(h.Sum(nil)) {
		t.Error("web/dist is older than its sources; run scripts/ui, and commit what it makes")
	}
}

// TestLockFileNamesNoHost: whoever installs uses the registry of their own.
func TestLockFileNamesNoHost(t *testing.T) {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(lock), `"resolved":`) {
		t.Error(`package-lock.json names download addresses; remove the lines with "resolved"`)
	}
}
