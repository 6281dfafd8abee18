package sqlite

import (
	"errors"
	"fmt"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// vfs is SQLite's own way to files (https://www.sqlite.org/vfs.html) with one difference: the database and its log
// are flushed by a flusher. It is for one connection at a time, and must be kept until that is closed. What SQLite
// reads of it lies in memory of SQLite's.
type vfs struct {
	name    string
	flusher *flusher
	tls     *libc.TLS
	table   uintptr // a sqlite3_vfs
	own     ownMethods

	usual     uintptr // the VFS that this is made of
	usualSync uintptr
	methods   map[uintptr]uintptr // of files, a sqlite3_io_methods each, by those that the usual VFS gives them
}

// ownMethods are called by SQLite as what their addresses stand for in C.
type ownMethods struct {
	open func(tls *libc.TLS, vfs, path, file uintptr, flags int32, out uintptr) int32
	sync func(tls *libc.TLS, file uintptr, flags int32) int32
}

// newVFS registers a VFS. It is nil where the kernel does not flush asynchronously, or not for this process.
func newVFS() (*vfs, error) {
	f, err := newFlusher()
	if err != nil {
		return nil, nil //nolint:nilnil // SQLite flushes by itself then
	}
	v := &vfs{flusher: f, tls: libc.NewTLS(), methods: map[uintptr]uintptr{}}
	v.name, v.own = fmt.Sprintf("cardea-%p", v), ownMethods{v.open, v.sync}
	if v.usual = sqlite3.Xsqlite3_vfs_find(v.tls, 0); v.usual == 0 {
		return nil, errors.Join(errors.New("sqlite: there is no VFS"), v.close())
	}
	if v.table, err = copied[sqlite3.Tsqlite3_vfs](v.tls, v.usual); err != nil {
		return nil, errors.Join(err, v.close())
	}
	table := at[sqlite3.Tsqlite3_vfs](v.table)
	if table.FzName, err = libc.CString(v.name); err != nil {
		return nil, errors.Join(err, v.close())
	}
	table.FxOpen, table.FpNext = *(*uintptr)(unsafe.Pointer(&v.own.open)), 0
	if rc := sqlite3.Xsqlite3_vfs_register(v.tls, v.table, 0); rc != sqlite3.SQLITE_OK {
		return nil, errors.Join(fmt.Errorf("sqlite: registering a VFS: %d", rc), v.close())
	}
	return v, nil
}

// open is xOpen. The files that matter are flushed in our way from now on.
func (v *vfs) open(tls *libc.TLS, _, path, file uintptr, flags int32, out uintptr) int32 {
	usual := at[sqlite3.Tsqlite3_vfs](v.usual).FxOpen
	rc := (*(*func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32)(unsafe.Pointer(&usual)))(tls, v.usual, path, file, flags, out)
	if rc != sqlite3.SQLITE_OK || flags&(sqlite3.SQLITE_OPEN_MAIN_DB|sqlite3.SQLITE_OPEN_WAL) == 0 {
		return rc
	}
	f := at[sqlite3.TunixFile](file)
	own := v.methods[f.FpMethod]
	if own == 0 {
		var err error
		if own, err = copied[sqlite3.Tsqlite3_io_methods](tls, f.FpMethod); err != nil {
			return rc // it is flushed in the usual way
		}
		m := at[sqlite3.Tsqlite3_io_methods](own)
		v.usualSync, m.FxSync = m.FxSync, *(*uintptr)(unsafe.Pointer(&v.own.sync))
		v.methods[f.FpMethod] = own
	}
	f.FpMethod = own
	return rc
}

// sync is xSync. The first of a new file is SQLite's, since the directory is flushed with it.
func (v *vfs) sync(tls *libc.TLS, file uintptr, flags int32) int32 {
	if f := at[sqlite3.TunixFile](file); f.FctrlFlags&sqlite3.UNIXFILE_DIRSYNC == 0 {
		err := v.flusher.flush(f.Fh)
		if err == nil {
			return sqlite3.SQLITE_OK
		}
		if !errors.Is(err, errNotBegun) {
			return sqlite3.SQLITE_IOERR_FSYNC
		}
	}
	return (*(*func(*libc.TLS, uintptr, int32) int32)(unsafe.Pointer(&v.usualSync)))(tls, file, flags)
}

// close is for when no connection uses it any more.
func (v *vfs) close() error {
	if v.table != 0 {
		sqlite3.Xsqlite3_vfs_unregister(v.tls, v.table)
		libc.Xfree(v.tls, at[sqlite3.Tsqlite3_vfs](v.table).FzName)
		libc.Xfree(v.tls, v.table)
	}
	for _, m := range v.methods {
		libc.Xfree(v.tls, m)
	}
	v.tls.Close()
	return v.flusher.close()
}

// at is what lies at an address of SQLite's memory.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// copied is the address of a copy in SQLite's memory.
func copied[T any](tls *libc.TLS, address uintptr) (uintptr, error) {
	to := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*new(T))))
	if to == 0 {
		return 0, errors.New("sqlite: no memory")
	}
	*at[T](to) = *at[T](address)
	return to, nil
}
