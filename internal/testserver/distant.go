package testserver

import (
	"context"
	"net"
	"sync"
	"time"
)

// Distant returns a dial function whose connections seem to be a round trip away. A connect
// takes a round trip; each byte takes half of one, in both directions, and so does the
// server's close. In a testing/synctest bubble that is time of the fake clock. The client's
// Close is not delayed, and cuts off the bytes on their way.
func Distant(dial func(ctx context.Context, network, addr string) (net.Conn, error), roundTrip time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	if roundTrip == 0 {
		return dial
	}
	return DistantLate(dial, roundTrip, new(Lateness))
}

// DistantLate is Distant, and notes by how much the machine makes the way longer.
func DistantLate(dial func(ctx context.Context, network, addr string) (net.Conn, error), roundTrip time.Duration, late *Lateness) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		due := time.Now().Add(roundTrip)
		t := time.NewTimer(roundTrip)
		defer t.Stop()
		select {
		case <-t.C:
			late.Note(due)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		nc, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		near, far := net.Pipe()
		c := &distantConn{Conn: near, to: nc, closed: make(chan struct{})}
		var both sync.WaitGroup
		both.Go(func() { carry(nc, far, roundTrip/2, c.closed, late) })
		both.Go(func() { carry(far, nc, roundTrip/2, c.closed, late) })
		go func() {
			both.Wait()
			nc.Close()
		}()
		return c, nil
	}
}

// distantConn is the near end of a pipe, with the addresses of the connection behind it.
type distantConn struct {
	net.Conn
	to     net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *distantConn) LocalAddr() net.Addr  { return c.to.LocalAddr() }
func (c *distantConn) RemoteAddr() net.Addr { return c.to.RemoteAddr() }

// Close closes both connections, which ends both directions.
func (c *distantConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.to.Close()
	return c.Conn.Close()
}

// carry copies from one connection to the other, each part after the delay, and then the
// end. The number of parts on their way is bounded, as by a window.
func carry(to, from net.Conn, later time.Duration, closed <-chan struct{}, late *Lateness) {
	type part struct {
		at time.Time
		b  []byte
	}
	way := make(chan part, 256)
	go func() {
		defer close(way)
		for {
			b := make([]byte, 4096)
			n, err := from.Read(b)
			if n > 0 {
				way <- part{time.Now().Add(later), b[:n]}
			}
			if err != nil {
				way <- part{at: time.Now().Add(later)} // the end
				return
			}
		}
	}()
	defer func() {
		for range way { // its reader must not hang
		}
	}()
	defer to.Close()
	t := time.NewTimer(0)
	defer t.Stop()
	for p := range way {
		t.Reset(time.Until(p.at))
		select {
		case <-t.C:
			late.Note(p.at)
		case <-closed:
			from.Close()
			return
		}
		if p.b == nil {
			return
		}
		if _, err := to.Write(p.b); err != nil {
			from.Close()
			return
		}
	}
}
