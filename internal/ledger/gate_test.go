package ledger

import (
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeConn is a connection that is only an identity.
type fakeConn struct {
	net.Conn
	line *Conn
}

// Its owner closes it at once, as net/http does.
func (c *fakeConn) Expire() { c.line.close() }
func (c *fakeConn) Cut()    { c.line.close() }
func (c *fakeConn) Abort()  { go c.line.close() }

func (c *fakeConn) LedgerConn() *Conn { return c.line }

func (c *Conn) close() {
	c.Closing(Unknown)
	c.Closed()
}

// admit is Admit under a limit.
func (u *Use) admit(limit int, free bool) (Dial, error) {
	u.MaxConns = int32(limit)
	return u.Admit(free)
}

// newFake is the connection that a dial has brought.
func newFake(d Dial) *fakeConn {
	c := new(fakeConn)
	var err error
	if c.line, err = d.Opened(Setup{}, c, "", time.Now()); err != nil {
		panic(err)
	}
	return c
}

var key = Key{Scheme: "http", Host: "host.example", Port: "80"}

// asking returns a Use that has asked for a connection.
func asking(l *Ledger) *Use {
	u := new(Use)
	l.Begin(u, key, nil, time.Now())
	u.Ask("host.example:80", time.Now())
	return u
}

// dial brings a connection up for u.
func dial(t *testing.T, u *Use, limit int) *fakeConn {
	t.Helper()
	d, err := u.admit(limit, false)
	if err != nil {
		t.Fatal(err)
	}
	return newFake(d)
}

func TestGateDropsTheDialOfARequestThatWasServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		a := asking(l)
		c := dial(t, a, 1)
		a.Got(c, false, false, time.Now())

		b := asking(l)
		var result atomic.Value
		go func() {
			_, err := b.admit(1, false)
			result.Store(err)
		}()
		synctest.Wait()
		if result.Load() != nil {
			t.Fatal("a second dial was let through a limit of one")
		}
		// A's connection is handed to b.
		a.Put("")
		b.Got(c, true, false, time.Now())
		a.End("", false, time.Now())
		synctest.Wait()
		if err, _ := result.Load().(error); !errors.Is(err, ErrNotNeeded) {
			t.Errorf("b's dial: %v, want ErrNotNeeded", err)
		}
	})
}

func TestGateLetsADialGoWhenAConnectionCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		a := asking(l)
		c := dial(t, a, 1)
		a.Got(c, false, false, time.Now())
		b := asking(l)
		done := make(chan error)
		go func() {
			_, err := b.admit(1, false)
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		a.End(BodyUnread, false, time.Now())
		c.line.close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("b waited %v after the close", waited)
		}
	})
}

// A connection that lies idle while a request waits does not fit it: another
// proxy, say. Under a limit it makes room.
func TestGateDoesNotWaitForIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []int{0, 1} {
			l := New(nil, Watched)
			l.Keep(Keep{Private: true})
			a := asking(l)
			c := dial(t, a, limit)
			a.Got(c, false, false, time.Now())
			a.Put("")
			a.End("", false, time.Now())
			b := asking(l)
			began := time.Now()
			if _, err := b.admit(limit, false); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited != 0 {
				t.Errorf("limit %d: waited %v", limit, waited)
			}
			if closed := c.line.state == gone; closed != (limit > 0) {
				t.Errorf("limit %d: closed %v", limit, closed)
			}
		}
	})
}

// A dial, or a handshake, that hangs must not keep later requests waiting once
// its own has given up.
func TestGateForgetsDialsOfRequestsThatGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []int{0, 1} {
			for _, connected := range []bool{false, true} {
				l := New(nil, Watched)
				a := asking(l)
				a.Shakes = true
				d, err := a.admit(limit, false)
				if err != nil {
					t.Fatal(err)
				}
				var c *fakeConn
				if connected {
					c = newFake(d) // and the handshake hangs
				} else {
					d.Breakable(func() { go d.Done() })
				}
				a.End(Timeout, false, time.Now())
				time.Sleep(shareMin) // the bubble's clock
				b := asking(l)
				began := time.Now()
				if _, err := b.admit(limit, false); err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(began); waited > gateStep {
					t.Errorf("limit %d, connected %v: waited %v, want none", limit, connected, waited)
				}
				if limit > 0 && connected && c.line.state != gone {
					t.Error("a connection more than the limit allows")
				}
			}
		}
	})
}

// A promise that is not kept holds nobody back for more than comingMost.
func TestGateWaitsForAPromiseOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		a, b := asking(l), asking(l)
		c := dial(t, a, 0)
		a.Got(c, false, false, time.Now())
		if _, err := b.admit(0, false); err != nil { // and hangs
			t.Fatal(err)
		}
		a.Put("")
		b.Got(c, true, false, time.Now())
		d := asking(l)
		a.End("", false, time.Now())
		began := time.Now()
		if _, err := d.admit(0, false); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < time.Millisecond || waited > comingMost+gateStep {
			t.Errorf("waited %v, want up to %v for the dial on its way", waited, comingMost)
		}
	})
}

func TestGateUnderALimitWaitsForConnectionsThatClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		a := asking(l)
		c := dial(t, a, 1)
		a.Got(c, false, false, time.Now())
		c.line.Closing(Unknown)
		a.End(ServerClose, false, time.Now())
		b := asking(l)
		done := make(chan error, 1)
		go func() {
			_, err := b.admit(1, false)
			done <- err
		}()
		synctest.Wait()
		if len(done) != 0 {
			t.Error("a dial went ahead of a connection that was still open")
		}
		c.line.Closed()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestGateEndsWithItsExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		a := asking(l)
		dial(t, a, 1)
		b := asking(l)
		done := make(chan error)
		go func() {
			_, err := b.admit(1, false)
			done <- err
		}()
		synctest.Wait()
		b.End("", false, time.Now())
		if err := <-done; !errors.Is(err, ErrNotNeeded) {
			t.Errorf("got %v, want ErrNotNeeded", err)
		}
	})
}

func TestHandOverMayBeSeenInEitherOrder(t *testing.T) {
	for _, putFirst := range []bool{true, false} {
		l := New(nil, Watched)
		a := asking(l)
		c := dial(t, a, 0)
		a.Got(c, false, false, time.Now())
		b := asking(l)
		if putFirst {
			a.Put("")
		}
		b.Got(c, true, false, time.Now())
		if !putFirst {
			a.Put("")
		}
		a.End("", false, time.Now())
		l.Counts(func(n Counts) {
			if n.Open != 1 || n.Idle != 0 {
				t.Errorf("put first %v: open %d, idle %d; want 1, 0: b has it", putFirst, n.Open, n.Idle)
			}
		})
		b.Put("")
		b.End("", false, time.Now())
		l.Counts(func(n Counts) {
			if n.Idle != 1 {
				t.Errorf("put first %v: idle %d, want 1", putFirst, n.Idle)
			}
		})
	}
}
