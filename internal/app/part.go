package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// part is a file that is not complete yet, path.part. With keep, what was written stays there if it cannot be
// completed; what an interrupted one before it has left is then path.part.earlier, the longer of two.
type part struct {
	*os.File
	path    string
	keep    bool
	earlier *os.File // nil: there is none
}

func openPart(path string, keep bool) (*part, error) {
	p := &part{path: path, keep: keep}
	if keep {
		if err := p.findEarlier(); err != nil {
			return nil, err
		}
	}
	var err error
	p.File, err = os.OpenFile(p.name(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil && p.earlier != nil {
		err = errors.Join(err, p.earlier.Close())
	}
	return p, err
}

func (p *part) name() string        { return p.path + ".part" }
func (p *part) earlierName() string { return p.name() + ".earlier" }

// findEarlier opens what there is of an interrupted one.
func (p *part) findEarlier() error {
	if sizeOf(p.name()) > sizeOf(p.earlierName()) {
		if err := os.Rename(p.name(), p.earlierName()); err != nil {
			return err
		}
	}
	f, err := os.Open(p.earlierName())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	p.earlier = f
	return err
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// close gives the file its name, if there was no error so far, and says what is left otherwise.
func (p *part) close(err error) error {
	if p.earlier != nil {
		err = errors.Join(err, p.earlier.Close())
	}
	if err = errors.Join(err, p.Sync(), p.File.Close()); err == nil {
		if err = os.Rename(p.name(), p.path); err == nil {
			err = syncDir(filepath.Dir(p.path))
		}
	}
	switch {
	case err != nil && p.keep:
		return fmt.Errorf("%w; what was read is kept in %s, and the same command goes on with it", err, p.name())
	case err != nil:
		_ = os.Remove(p.name())
	case p.keep:
		_ = os.Remove(p.earlierName()) // is of no use any more
	}
	return err
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
