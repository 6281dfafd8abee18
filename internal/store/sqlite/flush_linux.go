package sqlite

import (
	"errors"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// flusher has the kernel put a file on the disk while nobody waits for it but one goroutine. A thread that calls
// fsync(2) keeps its processor of Go's scheduler until the runtime notices, after up to 10 ms: with one
// processor nobody else is answered meanwhile. So the call is asynchronous (io_submit(2) with IOCB_CMD_FDSYNC, since
// Linux 4.18), and its end is an event that the runtime waits for as it waits for the network.
type flusher struct {
	mu      sync.Mutex // one flush at a time
	context uintptr
	ended   *os.File // an eventfd(2)
	event   int32    // its descriptor
	lost    bool     // how a flush ended could not be learned: its event would be taken for that of the next
}

// request is struct iocb, and result struct io_event (linux/aio_abi.h).
type request struct {
	_          uint64
	_, _       uint32
	opcode     uint16
	_          int16
	file       uint32
	_, _, _, _ uint64
	flags      uint32
	eventDesc  uint32
}

type result struct {
	_, _ uint64
	res  int64
	_    int64
}

const (
	opDataSync   = 3 // IOCB_CMD_FDSYNC
	flagEventDes = 1 // IOCB_FLAG_RESFD
)

// newFlusher fails where the kernel has no asynchronous flush, or lets this process have none.
func newFlusher() (*flusher, error) {
	f := new(flusher)
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	f.event, f.ended = int32(event), os.NewFile(uintptr(event), "eventfd")
	if _, _, failed := unix.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&f.context)), 0); failed != 0 {
		return nil, errors.Join(failed, f.ended.Close())
	}
	return f, nil
}

// errNotBegun says that nothing was flushed and nothing will be: do it in another way.
var errNotBegun = errors.New("sqlite: the flush did not begin")

// flush is fdatasync(2).
func (f *flusher) flush(file int32) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost {
		return errNotBegun
	}
	r := &request{opcode: opDataSync, file: uint32(file), flags: flagEventDes, eventDesc: uint32(f.event)}
	list := [1]*request{r}
	if n, _, failed := unix.Syscall(unix.SYS_IO_SUBMIT, f.context, 1, uintptr(unsafe.Pointer(&list))); failed != 0 || n != 1 {
		return errors.Join(errNotBegun, failed)
	}
	var count [8]byte
	if _, err := f.ended.Read(count[:]); err != nil {
		f.lost = true
		return err
	}
	var done result
	n, _, failed := unix.Syscall6(unix.SYS_IO_GETEVENTS, f.context, 1, 1, uintptr(unsafe.Pointer(&done)), 0, 0)
	if failed != 0 || n != 1 {
		f.lost = true
		return errors.Join(errors.New("sqlite: a flush ended without a result"), failed)
	}
	if done.res < 0 {
		return unix.Errno(-done.res)
	}
	return nil
}

func (f *flusher) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _, failed := unix.Syscall(unix.SYS_IO_DESTROY, f.context, 0, 0)
	if failed != 0 {
		return errors.Join(failed, f.ended.Close())
	}
	return f.ended.Close()
}
