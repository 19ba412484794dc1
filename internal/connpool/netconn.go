package connpool

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// netConn is a connection as the dialer made it, seen from below net/http. All of
// it is atomics, for net/http reads, writes and closes under locks of its own.
type netConn struct {
	net.Conn

	// reading is set while net/http's reader waits in Read: it has handled everything that
	// has come so far, and its buffer is empty.
	reading atomic.Bool
	// written and read count bytes.
	written, read atomic.Int64
	// Over HTTP/2 only, where frames is set: readAt is when a Read last brought more than
	// an alert, in nanoseconds of the wall clock; said is how many Reads did; and farewell:
	// the last of them looked like a GOAWAY.
	frames    atomic.Bool
	readAt    atomic.Int64
	said      atomic.Int64
	farewell  atomic.Bool
	tls13     atomic.Bool
	ended     atomic.Uint32        // an ending
	sentAtEnd atomic.Int64         // written, at the end
	inOne     atomic.Bool          // TLS's close_notify came in one piece with something else
	endedAt   atomic.Int64         // when it ended, or was closed, in nanoseconds of the wall clock
	saidBye   atomic.Bool          // over TLS this side has sent an alert
	tail      tail                 // used by the reader alone
	owner     atomic.Pointer[Conn] // once the connection is up
	// brought is set when bytes came that may have been the server's SETTINGS, and settings
	// once net/http has handled them: it reads on.
	brought, settings atomic.Bool
	// closing is set when net/http begins to close it, closed when Close has returned.
	closing, closed atomic.Bool
	// before is called once, before the next Read.
	before atomic.Pointer[func()]
	// For dead.go. A silence begins when something is sent and nothing has come since: that
	// is asked, in nanoseconds of the wall clock; 0: there is no silence. Begun is how many
	// bytes Write was given and ReadFrom has taken, askedFrom is begun at the start of the silence, and last is the
	// sight of the last silence.
	asked, askedFrom, begun atomic.Int64
	last                    atomic.Pointer[sight]
	// armed is set while a request has the connection and has not sent a byte: bytes that
	// come then are no response to it.
	armed atomic.Bool
	plain bool // no TLS on it: each byte is HTTP
}

// ending says how the reading side has come to its end.
type ending uint32

const (
	open     ending = iota
	byPeer          // closed or reset by the other end, or its close_notify came
	byOthers        // broken on this side: the program closed it, or set a deadline
)

// errUnasked ends a connection on which bytes came before the request was sent. Net/http
// treats it as a connection that broke before the response.
var errUnasked = errors.New("warmconn: the server sent a response before the request")

// speaksHTTP2 says that HTTP/2's frames come from now on.
func (c *netConn) speaksHTTP2(version uint16) {
	c.tls13.Store(version == tls.VersionTLS13)
	c.frames.Store(true)
}

// NetConn returns the connection that the program's dialer made.
func (c *netConn) NetConn() net.Conn { return c.Conn }

func (c *netConn) Read(p []byte) (int, error) {
	if f := c.before.Load(); f != nil && c.before.CompareAndSwap(f, nil) {
		(*f)()
	}
	c.reading.Store(true)
	if c.brought.Load() && !c.settings.Swap(true) {
		if o := c.owner.Load(); o != nil {
			go o.stateChanged() // for requests that wait until the limit of streams is known
		}
	}
	if c.farewell.Load() {
		c.lookForGoAway()
	}
	n, err := c.Conn.Read(p)
	if n > 0 && c.plain && c.armed.Load() {
		c.ended.Store(uint32(byPeer))
		c.reading.Store(false)
		return 0, errUnasked
	}
	if n > 0 {
		c.read.Add(int64(n))
		if !c.frames.Load() {
			c.hears()
		} else {
			if !isAlert(p[:n]) {
				c.hears() // an alert is none: it may answer one by which this side has closed
				c.readAt.Store(time.Now().UnixNano())
				c.farewell.Store(c.bringsGoAway(p[:n]))
				c.said.Add(1)
			}
			if !c.brought.Load() && c.bringsSettings(p[:n]) {
				c.brought.Store(true)
			}
		}
	}
	switch {
	case err == nil && c.plain: // it goes on
	case !c.closing.Load():
		c.noteEnd(p[:n], err)
	case !c.frames.Load() && (err != nil || endsInAlert(c.tail.with(p[:n]))):
		// Over HTTP/1 net/http does not close a connection that it reads from. So the Pool
		// closes it, and needs no reason, or the program does.
		c.ended.CompareAndSwap(uint32(open), uint32(byOthers))
	}
	c.reading.Store(false)
	return n, err
}

// noteEnd notes the end of the connection, if a Read that brought p shows one: by its error,
// or over TLS by an alert.
func (c *netConn) noteEnd(p []byte, err error) {
	end := open
	switch {
	case err == io.EOF, errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		end = byPeer
	case err != nil:
		end = byOthers
	case endsInAlert(c.tail.with(p)):
		end = byPeer
	}
	if end == byPeer && c.saidBye.Load() {
		end = byOthers // the peer has answered this side's close_notify
	}
	if c.ended.Load() == uint32(end) {
		return
	}
	if o := c.owner.Load(); end != open && o != nil && o.cc.Err() != nil {
		return // net/http has ended it, and the peer has answered that
	}
	c.inOne.Store(err == nil && !isAlert(p))
	c.sentAtEnd.Store(c.written.Load())
	c.endedAt.Store(time.Now().UnixNano())
	c.ended.Store(uint32(end))
}

func (c *netConn) Write(p []byte) (int, error) {
	c.armed.Store(false)
	if !c.plain && len(p) <= alertMost && isAlert(p) {
		c.saidBye.Store(true)
		c.closes()
		c.begun.Add(int64(len(p))) // the peer need not answer an alert
	} else {
		c.asks(int64(len(p)))
	}
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// asks notes that n bytes are about to be sent.
func (c *netConn) asks(n int64) {
	if c.asked.Load() == 0 {
		c.askedFrom.Store(c.begun.Load())
		c.asked.Store(time.Now().UnixNano())
	}
	c.begun.Add(n)
}

// hears notes that something came.
func (c *netConn) hears() {
	if c.asked.Load() != 0 {
		c.asked.Store(0)
	}
	if o := c.owner.Load(); o != nil && o.host.silence.suspected.Load() {
		o.host.silence.broken()
	}
}

// ReadFrom lets net/http send a file as it would without this wrapper: io.Copy
// looks for ReadFrom on the connection below, sendfile on Linux.
func (c *netConn) ReadFrom(r io.Reader) (int64, error) {
	c.armed.Store(false)
	c.asks(1) // some bytes; how many shows at the end
	n, err := io.Copy(c.Conn, r)
	c.begun.Add(n - 1)
	c.written.Add(n)
	return n, err
}

// CloseWrite half-closes the connection, for a caller that owns it after a 101.
func (c *netConn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return fmt.Errorf("CloseWrite: %w", http.ErrNotSupported)
}

func (c *netConn) Close() error {
	if !c.closing.Swap(true) {
		c.endedAt.CompareAndSwap(0, time.Now().UnixNano())
		c.closes()
	}
	err := c.Conn.Close()
	c.closed.Store(true)
	if o := c.owner.Load(); o != nil {
		go o.socketClosed() // net/http holds a lock of the connection's
	}
	return err
}

func (c *netConn) ending() ending {
	if c == nil {
		return open
	}
	return ending(c.ended.Load())
}
