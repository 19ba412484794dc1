package roundtripper_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// net/http closes an HTTP/2 connection if it can't understand a frame. The server has sent no
// GOAWAY.
func TestHTTP2ThatMakesNoSenseIsAProtocolError(t *testing.T) {
	s := peerScene(t, stack{pooled: true})
	s.idleHTTP2()
	s.peer.conn().write(frameData, 0, 0, []byte("x")) // DATA belongs to a stream
	s.gone(0)
	s.wantNew(s.read("/", nil), "protocol_error", nobody)
}

// A PING is as long as a GOAWAY, and through TLS no more than that can be seen.
func TestAPingIsNoGoAway(t *testing.T) {
	s := peerScene(t, stack{pooled: true})
	s.idleHTTP2()
	c := s.peer.conn()
	c.heard(t)
	<-time.After(30 * time.Millisecond) // the end must have nothing to do with the PING
	c.end()
	s.gone(0)
	s.wantNew(s.read("/", nil), "server_closed_idle", nobody)
}

// The program may end a connection that it was shown, as a net.Conn or as a tls.Conn.
func TestAConnectionThatTheProgramEndsIsItsOwnError(t *testing.T) {
	for name, end := range map[string]func(raw net.Conn, secure *tls.Conn){
		"Close over TLS":     func(_ net.Conn, c *tls.Conn) { c.Close() },
		"deadline over TLS":  func(_ net.Conn, c *tls.Conn) { c.SetDeadline(time.Unix(1, 0)) },
		"Close below TLS":    func(c net.Conn, _ *tls.Conn) { c.Close() },
		"deadline below TLS": func(c net.Conn, _ *tls.Conn) { c.SetDeadline(time.Unix(1, 0)) },
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", name, http2), func(t *testing.T) {
				var raw net.Conn
				s := serverScene(t, testserver.Options{TLS: !http2, HTTP2: http2}, stack{pooled: true, base: func(tr *http.Transport) {
					tr.DialContext = func(ctx context.Context, network, addr string) (nc net.Conn, err error) {
						nc, err = new(net.Dialer).DialContext(ctx, network, addr)
						raw = nc
						return nc, err
					}
				}})
				var secure *tls.Conn
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
					secure = i.Conn.(*tls.Conn)
				}})
				s.read("/", within(ctx))
				if http2 {
					s.idleHTTP2()
				}
				end(raw, secure)
				s.gone(0)
				s.wantNew(s.read("/", nil), "conn_error", nobody)
			})
		}
	}
}

// A connection has died while the body of its exchange is still open. The request that dials
// finds it dead, and not busy.
func TestHTTP2ConnectionThatDiedUnderAnOpenBodyIsNotBusy(t *testing.T) {
	s := peerScene(t, stack{pooled: true})
	s.read("/", nil)
	heard := make(chan struct{})
	s.peer.answers(func(st stream) {
		st.headers()
		st.data("x", false)
		st.heard(s.t)
		close(heard)
	})
	resp := s.do("/", nil)
	<-heard
	s.peer.answers(stream.reply)
	s.peer.conn().end()
	s.until("the client to see the end", func() bool { return s.open.Load() == 0 })
	// Whether the body is cut short shows when it is read.
	if e := s.read("/", nil); e.NewReason != "server_closed_idle" {
		t.Errorf("new for %q, want server_closed_idle", e.NewReason)
	}
	if e := s.broken(resp); e.LostReason != "conn_error" {
		t.Errorf("the open body's exchange lost its connection for %q, want conn_error", e.LostReason)
	}
}
