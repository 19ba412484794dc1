package connpool

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestASightCountsAcknowledgedBytes: from the silence's start, and whatever is just being written.
func TestASightCountsAcknowledgedBytes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	// said has c write n bytes, and the peer answer: an acknowledgement goes with that.
	said := func(c net.Conn, n int) {
		t.Helper()
		buf := make([]byte, n)
		if _, err := c.Write(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(peer, buf); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Write(buf[:1]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf[:1]); err != nil {
			t.Fatal(err)
		}
	}
	c := &netConn{Conn: nc, plain: true}
	said(c, 100)
	from := c.begun.Load()
	for _, want := range []struct{ sent, acked int64 }{{0, 0}, {30, 30}} {
		if want.sent > 0 {
			said(c, int(want.sent))
		}
		if s := c.look(time.Second, from); !s.seen || s.sent != want.sent || s.acked != want.acked {
			t.Errorf("%+v, want %d sent and %d acknowledged", s, want.sent, want.acked)
		}
	}
	c.asks(52) // is being written
	if s := c.look(time.Second, from); s.sent != 82 || s.acked != 30 {
		t.Errorf("%d sent and %d acknowledged, want 82 and 30", s.sent, s.acked)
	}
	if s := c.look(leastSilence-1, from); s.seen {
		t.Error("the kernel was asked for a silence that is too short to count")
	}
	c.begun.Add(1000) // as if a wrapper had made few bytes of them
	c.asked.Store(0)
	c.asks(10)
	if s := c.look(time.Second, c.askedFrom.Load()); s.counted {
		t.Error("a count is believed by which what was answered is not acknowledged")
	}
	c.begun.Add(-1010)
	c.askedFrom.Store(from)
	said(nc, 7) // as a dialer might have
	if s := c.look(time.Second, from); !s.counted || s.acked != 37 {
		t.Errorf("%d acknowledged, want 7 more than 30", s.acked)
	}
}

// oddConn is a wrapper that has no socket.
type oddConn struct{ net.Conn }

func (c oddConn) SyscallConn() (syscall.RawConn, error) { return c.Conn.(syscall.Conn).SyscallConn() }

func TestAConnectionThatPanicsTellsNothing(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if f, ok := tcpFactsOf(oddConn{near}); ok {
		t.Errorf("a pipe has the facts %+v", f)
	}
}
