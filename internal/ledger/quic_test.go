package ledger

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// overQUIC is the net.Conn that GotConn is shown for an HTTP/3 connection. Other methods
// panic.
type overQUIC struct {
	net.Conn
	port int
}

func (c *overQUIC) LocalAddr() net.Addr { return &net.UDPAddr{Port: 4711} }
func (c *overQUIC) RemoteAddr() net.Addr {
	return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: c.port}
}

// askingOver is asks over a base that is not net/http's.
func askingOver(l *Ledger) *Entry {
	u := &Entry{BehindMiddleware: true}
	l.Begin(u, key, nil, time.Now())
	u.GetConn("host.example:443", time.Now())
	return u
}

func wantGot(t *testing.T, who string, g Got, id uint64, reused bool) {
	t.Helper()
	if g.ConnID != id || g.Reused != reused || !g.HTTP2 {
		t.Errorf("%s: connection %d, reused %v, shared %v; want %d, %v, true", who, g.ConnID, g.Reused, g.HTTP2, id, reused)
	}
}

func got(e *Entry, port int, reused bool) Got {
	return e.GotConn(&overQUIC{port: port}, reused, false, time.Now())
}

// A connection is recognized by its ends: each request is shown another net.Conn.
func TestQUICConnectionIsKnownByItsEnds(t *testing.T) {
	l := New(nil)
	wantGot(t, "first", got(askingOver(l), 443, false), 1, false)
	wantGot(t, "second", got(askingOver(l), 443, true), 1, true)
	wantGot(t, "another's", got(askingOver(l), 444, false), 2, false)
	wantGot(t, "third", got(askingOver(l), 443, true), 1, true)
}

// The hook of an exchange that came after the handshake may be called first.
func TestQUICConnectionIsNewToWhoWaitedForItThoughAnotherHadItFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		a, b := askingOver(l), askingOver(l)
		time.Sleep(time.Second) // the bubble's clock
		late := askingOver(l)
		wantGot(t, "the late one", got(late, 443, true), 1, true)
		wantGot(t, "the first that waited", got(a, 443, false), 1, false)
		wantGot(t, "the second that waited", got(b, 443, false), 1, true)
	})
}

// An exchange that asks after a response, and to which its connection is called new, has
// another connection.
func TestQUICConnectionThatTookAnothersPlaceIsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		a, slow := askingOver(l), askingOver(l)
		wantGot(t, "first", got(a, 443, false), 1, false)
		a.Share() // the response
		time.Sleep(time.Second)
		next := askingOver(l)
		wantGot(t, "who waited all the while", got(slow, 443, false), 1, true)
		wantGot(t, "who came after the response", got(next, 443, false), 2, false)
		l.hosts.Each(func(h *Host) {
			if h.counts.open != 1 || h.tally.Opened != 2 || h.tally.Closed != 1 {
				t.Errorf("%d open, %d opened, %d closed; want 1, 2, 1", h.counts.open, h.tally.Opened, h.tally.Closed)
			}
			if n := h.counts.versions[HTTP3]; n.Open != 1 || n.Active != 1 {
				t.Errorf("over HTTP/3 %+v, want one, active", n)
			}
		})
	})
}
