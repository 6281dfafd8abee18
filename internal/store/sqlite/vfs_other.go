//go:build !linux

package sqlite

// vfs is nothing where only Linux can do it: SQLite flushes by itself.
type vfs struct{ name string }

func newVFS() (*vfs, error) { return nil, nil }

func (*vfs) close() error { return nil }
