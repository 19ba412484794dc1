package main

import (
	"context"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// network is the way to one server: a TCP proxy on loopback that hands on what
// it gets, in both directions, half a round trip later. It adds latency and no
// limit of bandwidth: what is sent in one go arrives in one go. It has no slow
// start and loses nothing, so bodies that do not fit in a first congestion
// window come faster, after a new dial above all, than over a real network.
//
// The kernel shakes hands with the proxy at once, so the dialer waits for the
// round trip that a connect takes.
type network struct {
	addr string
	rtt  time.Duration

	ln net.Listener // nil if there is nothing between client and server
	to string
	wg sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]struct{}
}

// newNetwork starts the way to the server at addr. Without a round trip that
// is addr itself.
func newNetwork(addr string, rtt time.Duration) (*network, error) {
	n := &network{addr: addr, to: addr, rtt: rtt, open: make(map[net.Conn]struct{})}
	if rtt == 0 {
		return n, nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n.ln, n.addr = ln, ln.Addr().String()
	n.wg.Go(n.accept)
	return n, nil
}

// dialer takes a round trip for each connect. It does so between the hooks
// that net.Dialer calls, so that everybody who times a connect sees it.
func (n *network) dialer() *net.Dialer {
	return &net.Dialer{ControlContext: func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
		return sleep(ctx, n.rtt)
	}}
}

func (n *network) accept() {
	for {
		client, err := n.ln.Accept()
		if err != nil {
			return
		}
		n.wg.Go(func() { n.serve(client) })
	}
}

func (n *network) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", n.to)
	if err != nil {
		return
	}
	defer server.Close()
	if !n.hold(client, server) {
		return
	}
	defer n.drop(client, server)
	var wg sync.WaitGroup
	wg.Go(func() { n.carry(server, client) })
	wg.Go(func() { n.carry(client, server) })
	wg.Wait()
}

// carry brings what src sends to dst until one of them is gone.
func (n *network) carry(dst, src net.Conn) {
	w := newWire(n.rtt / 2)
	n.wg.Go(func() {
		defer w.end()
		for {
			b := buffers.Get().(*[piece]byte)
			got, err := src.Read(b[:])
			if got > 0 && !w.send(b[:got]) || err != nil {
				return
			}
		}
	})
	for {
		b, err := w.receive()
		if err == io.EOF {
			// Half of the connection ends; an aborted one shows when the
			// other half can't be written to.
			dst.(*net.TCPConn).CloseWrite()
			return
		}
		_, err = dst.Write(b)
		buffers.Put((*[piece]byte)(b[:piece]))
		if err != nil {
			w.cut()
			dst.Close()
			src.Close()
			return
		}
	}
}

// Without them the proxy would leave the collector a body's bytes of garbage.
var buffers = sync.Pool{New: func() any { return new([piece]byte) }}

// hold lets close end the connections.
func (n *network) hold(conns ...net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range conns {
		n.open[c] = struct{}{}
	}
	return !n.closed
}

func (n *network) drop(conns ...net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range conns {
		delete(n.open, c)
	}
}

// close ends the way and every connection on it, and waits for that.
func (n *network) close() {
	if n.ln == nil {
		return
	}
	n.ln.Close()
	n.mu.Lock()
	n.closed = true
	for c := range n.open {
		c.Close()
	}
	n.mu.Unlock()
	n.wg.Wait()
}

// sleep is over after d or when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
