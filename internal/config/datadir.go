package config

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stampName is the file that says whose directory it is.
const stampName = "cardea.mode"

// What a stamp says.
const (
	stampDev    = "dev\n"
	stampServer = "server\n"
)

// maxStamp is far more than a stamp needs.
const maxStamp = 64

// ClaimDir makes the data directory dir, with mode 0700, or checks that it belongs to the same kind of
// run: a server must not open what a demonstration has left, with its known passwords, and a
// demonstration must not touch a server's data. A directory with other things in it and without a
// stamp is refused, and so is one whose stamp cannot be read. Dying half-way leaves a directory that
// the next run can claim. It does not lock: two runs of the same kind are told apart by the lock file.
func ClaimDir(dir string, dev bool) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	stamp := stampServer
	if dev {
		stamp = stampDev
	}
	found, err := readStamp(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := vacant(dir); err != nil {
			return err
		}
		if err := writeStamp(dir, stamp); err != nil {
			return fmt.Errorf("marking the data directory: %w", err)
		}
		found, err = readStamp(dir) // another run may have been faster
	}
	switch {
	case err != nil:
		return fmt.Errorf("reading the mark of the data directory: %w", err)
	case found == stamp:
		return nil
	case found == stampDev:
		return fmt.Errorf("%s belongs to a demonstration (--dev), whose accounts are known to everybody; name another directory with data.dir", dir)
	case found == stampServer:
		return fmt.Errorf("%s belongs to a server; a demonstration (--dev) does not touch it; name another directory with data.dir", dir)
	}
	return fmt.Errorf("%s has a mark that this version does not know", filepath.Join(dir, stampName))
}

func readStamp(dir string) (string, error) {
	f, err := os.Open(filepath.Join(dir, stampName))
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // it was only read
	buf := make([]byte, maxStamp)
	n, err := f.Read(buf)
	if n == 0 && err != nil {
		return "", nil // empty: a mark that nobody knows
	}
	return string(buf[:n]), nil
}

// MasterFile is the file of the master key, which whoever restores a backup puts there first.
const MasterFile = "master.key"

// vacant refuses a directory that somebody else uses. A new file system has lost+found in it; what an
// earlier run has left of its own stamp does no harm.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking into the data directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "lost+found" && e.Name() != MasterFile && !strings.HasPrefix(e.Name(), stampName) {
			return fmt.Errorf("%s is not empty and is not a data directory of Cardea; name another with data.dir", dir)
		}
	}
	return nil
}

// writeStamp lets a stamp appear whole or not at all, and never replaces one.
func writeStamp(dir, stamp string) error {
	part := filepath.Join(dir, stampName+"."+rand.Text())
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(part) }() // one that stays is ignored by the next run
	_, err = f.WriteString(stamp)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(part, filepath.Join(dir, stampName)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
