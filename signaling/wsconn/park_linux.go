package wsconn

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// poller watches the descriptors of parked connections with one epoll instance
// and one goroutine. The instance is itself non-blocking and watched by Go's
// own poller, so that waiting for it holds no thread.
//
// Descriptors are armed for one event (EPOLLONESHOT) that carries the number of
// a slot and its generation: an event fetched just before a connection was
// taken from its slot finds another generation there, and is ignored. A
// descriptor leaves the instance when it is closed.
type poller struct {
	fd   int
	file *os.File
	raw  syscall.RawConn
	done chan struct{}

	mu    sync.Mutex
	slots []slot
	free  []uint32
}

type slot struct {
	c   *Conn // nil: free
	gen uint32
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("wsconn: epoll: %w", err)
	}
	if err = syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("wsconn: epoll: %w", err)
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), done: make(chan struct{})}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		_ = p.file.Close()
		return nil, fmt.Errorf("wsconn: epoll: %w", err)
	}
	go p.run()
	return p, nil
}

// close ends the goroutine; nothing is parked any more.
func (p *poller) close() {
	_ = p.file.Close()
	<-p.done
}

func (p *poller) run() {
	defer close(p.done)
	var events [128]syscall.EpollEvent
	_ = p.raw.Read(func(fd uintptr) bool { // until close
		for {
			n, err := syscall.EpollWait(int(fd), events[:], 0)
			if err == syscall.EINTR {
				continue
			}
			if n <= 0 {
				return false
			}
			for _, e := range events[:n] {
				if c := p.take(uint32(e.Fd), uint32(e.Pad)); c != nil {
					c.resume()
				}
			}
		}
	})
}

// watch arms the descriptor of a connection; it may be resumed before watch
// returns.
func (p *poller) watch(c *Conn) error {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		c.slot = p.free[n-1]
		p.free = p.free[:n-1]
	} else {
		c.slot = uint32(len(p.slots))
		p.slots = append(p.slots, slot{})
	}
	s := &p.slots[c.slot]
	s.c = c
	event := syscall.EpollEvent{
		Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT,
		Fd:     int32(c.slot),
		Pad:    int32(s.gen),
	}
	op := syscall.EPOLL_CTL_ADD
	if c.polled {
		op = syscall.EPOLL_CTL_MOD
	}
	c.polled = true
	p.mu.Unlock()
	var err error
	if cerr := c.raw.Control(func(fd uintptr) {
		err = syscall.EpollCtl(p.fd, op, int(fd), &event)
	}); cerr != nil {
		err = cerr
	}
	if err != nil {
		p.take(uint32(event.Fd), uint32(event.Pad))
		return fmt.Errorf("wsconn: epoll: %w", err)
	}
	c.mu.Lock()
	dead := c.dead
	c.mu.Unlock()
	if dead { // cut before it had its slot: forget found nothing
		p.take(uint32(event.Fd), uint32(event.Pad))
	}
	return nil
}

// forget takes a connection out that was parked.
func (p *poller) forget(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(c.slot) < len(p.slots) && p.slots[c.slot].c == c {
		p.freeLocked(c.slot)
	}
}

// take empties a slot and returns whose it was.
func (p *poller) take(i, gen uint32) *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(i) >= len(p.slots) || p.slots[i].gen != gen || p.slots[i].c == nil {
		return nil
	}
	c := p.slots[i].c
	p.freeLocked(i)
	return c
}

func (p *poller) freeLocked(i uint32) {
	p.slots[i] = slot{gen: p.slots[i].gen + 1}
	p.free = append(p.free, i)
}
