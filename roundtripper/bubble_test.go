package roundtripper_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
)

// pipes is a listener whose connections are in memory, so that a bubble's clock stands still
// while bytes move on them.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours, nil
}

// inBubble runs f over a server in a bubble: time passes only while all goroutines wait. The
// connections are in memory; the transport and the server are net/http's.
func inBubble(t *testing.T, k stack, f func(*scene)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		s := &scene{t: t, url: "http://host.example", released: make(chan struct{}), arrived: make(chan struct{}, 10)}
		srv := &http.Server{Handler: http.HandlerFunc(s.served)}
		go srv.Serve(p)
		defer srv.Close()
		s.build(&http.Transport{DialContext: p.dial}, k)
		defer s.client.CloseIdleConnections()
		defer func() {
			// The collector runs outside of the bubble: it must find no leak.
			for _, resp := range s.held {
				resp.Body.Close()
			}
		}()
		f(s)
	})
}

// peerInBubble is inBubble for a peer, whose handshakes take no time.
func peerInBubble(t *testing.T, k stack, f func(*scene)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		s := &scene{t: t, peer: servePeer(t, p)}
		s.url = s.peer.url
		base := s.peer.transport()
		base.DialContext = p.dial
		s.build(base, k)
		f(s)
	})
}
