package envelope

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxFile is far more than the text of a key needs.
const maxFile = 4096

// LoadMaster reads a master key from a file. It refuses a file that anybody but its owner may read
// or write, and anything that is not a regular file. os.ErrNotExist can be told from the error.
func LoadMaster(path string) (Master, error) {
	f, err := os.Open(path)
	if err != nil {
		return Master{}, fmt.Errorf("opening the master key: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	// The open file is looked at, not the path: the path may name another file a moment later.
	is, err := f.Stat()
	switch {
	case err != nil:
		return Master{}, fmt.Errorf("reading the master key: %w", err)
	case !is.Mode().IsRegular():
		return Master{}, fmt.Errorf("reading the master key: %s is not a regular file", path)
	case is.Mode().Perm()&0o077 != 0:
		return Master{}, fmt.Errorf("reading the master key: %s may be read or written by others (mode %04o); run chmod 600 on it", path, is.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Master{}, fmt.Errorf("reading the master key: %w", err)
	}
	if len(text) > maxFile {
		return Master{}, fmt.Errorf("reading the master key: %s is too large to be one", path)
	}
	m, err := ParseMaster(string(text))
	if err != nil {
		return Master{}, fmt.Errorf("reading the master key from %s: %w", path, err)
	}
	return m, nil
}

// CreateMaster makes a random master key and writes it to a new file with mode 0600. It never
// replaces a file: os.ErrExist can be told from the error. The file appears under its name only when
// it is complete and on the disk, so a crash half-way leaves no file or a whole key.
func CreateMaster(path string) (Master, error) {
	m := NewMaster()
	if err := writeNew(path, m.Text().Reveal()+"\n"); err != nil {
		return Master{}, fmt.Errorf("writing the master key: %w", err)
	}
	return m, nil
}

func writeNew(path, text string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	part := path + "." + rand.Text() + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(part) }()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, fails when somebody else has made the file meanwhile.
	if err := os.Link(part, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
