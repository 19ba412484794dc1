package connpool

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// h2 is the server's end of an HTTP/2 connection, as far as a test needs it.
type h2 struct {
	net.Conn
	r   *bufio.Reader
	raw *corked
}

// corked is a connection whose writes can be held back, to go out in one piece.
type corked struct {
	net.Conn
	cork bool
	held []byte
}

func (c *corked) Write(p []byte) (int, error) {
	if !c.cork {
		return c.Conn.Write(p)
	}
	c.held = append(c.held, p...)
	return len(p), nil
}

func (c *corked) Close() error {
	c.Conn.SetWriteDeadline(time.Time{}) // package tls has let it pass
	c.Conn.Write(c.held)
	return c.Conn.Close()
}

// scriptH2 is script over HTTP/2, behind the handshakes.
func scriptH2(t testing.TB, f func(n int, c *h2)) (url string, base *http.Transport) {
	cfg, client := newTLS(t)
	cfg.NextProtos = []string{"h2"}
	addr := script(t, func(n int, nc net.Conn, _ *bufio.Reader) {
		raw := &corked{Conn: nc}
		c := tls.Server(raw, cfg)
		h := &h2{c, bufio.NewReader(c), raw}
		if _, err := io.CopyN(io.Discard, h.r, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
			return
		}
		h.frame(4, 0, 0, nil) // SETTINGS
		h.frame(4, 1, 0, nil) // and the acknowledgement of the client's
		f(n, h)
	})
	base = &http.Transport{TLSClientConfig: client, ForceAttemptHTTP2: true}
	t.Cleanup(base.CloseIdleConnections)
	return "https://" + addr, base
}

func (c *h2) frame(kind, flags byte, stream uint32, payload []byte) {
	b := make([]byte, 9, 9+len(payload))
	binary.BigEndian.PutUint32(b, uint32(len(payload))<<8)
	b[3], b[4] = kind, flags
	binary.BigEndian.PutUint32(b[5:], stream)
	c.Write(append(b, payload...))
}

// request reads until the next request, or another request's body, has come to its
// end, and returns its stream; 0 if there is none.
func (c *h2) request() (stream uint32) {
	return c.until(func(kind, flags byte) bool { return kind <= 1 && flags&1 != 0 }) // DATA or HEADERS, END_STREAM
}

// headers is request, but does not wait for the body.
func (c *h2) headers() (stream uint32) {
	return c.until(func(kind, _ byte) bool { return kind == 1 })
}

func (c *h2) until(is func(kind, flags byte) bool) (stream uint32) {
	for {
		var b [9]byte
		if _, err := io.ReadFull(c.r, b[:]); err != nil {
			return 0
		}
		if _, err := io.CopyN(io.Discard, c.r, int64(binary.BigEndian.Uint32(b[:])>>8)); err != nil {
			return 0
		}
		if is(b[3], b[4]) {
			return binary.BigEndian.Uint32(b[5:])
		}
	}
}

func (c *h2) answer(stream uint32) { c.frame(1, 5, stream, []byte{0x88}) } // :status 200

func (c *h2) reset(stream, code uint32) {
	c.frame(3, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

func (c *h2) goAway(last, code uint32) {
	c.frame(7, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}

// oneCert is the certificate of all scripts: making one takes longer than a handshake.
var oneCert = sync.OnceValue(testserver.NewCert)

// newTLS returns configurations for a server on loopback and for its clients, with
// a key of which handshakes are cheap.
func newTLS(testing.TB) (server, client *tls.Config) {
	cert := oneCert()
	return &tls.Config{Certificates: []tls.Certificate{cert}}, testserver.Trusts(cert)
}
