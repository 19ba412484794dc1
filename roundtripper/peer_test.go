package roundtripper_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// peer is an HTTP/2 server that a test controls frame by frame: net/http's own server can't be
// made to send GOAWAY at a given moment. It understands no header, so answers are by turn and
// not by path.
type peer struct {
	t   *testing.T
	url string
	tls *tls.Config // the client's

	mu     sync.Mutex
	answer func(stream)
	mute   atomic.Bool // PINGs are not answered
	conns  []*peerConn
}

// peerConn is the server's end of one connection.
type peerConn struct {
	*tls.Conn
	mu   sync.Mutex    // guards writes
	pong chan struct{} // a PING of ours was acknowledged
	done chan struct{} // closed when the client has ended it
}

// stream is one request.
type stream struct {
	*peerConn
	id uint32
}

// The frames of RFC 9113, section 6, that are needed here.
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7

	flagAck        = 1
	flagEndStream  = 1
	flagEndHeaders = 4
)

// newPeer starts a peer on loopback.
func newPeer(t *testing.T) *peer {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return servePeer(t, ln)
}

func servePeer(t *testing.T, ln net.Listener) *peer {
	cert := testserver.NewCert()
	p := &peer{t: t, url: "https://" + ln.Addr().String(), tls: testserver.Trusts(cert)}
	p.answers(stream.reply)
	secure := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(tls.Server(nc, secure)) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			c.cut()
		}
		p.mu.Unlock()
		running.Wait()
	})
	return p
}

func (p *peer) transport() *http.Transport {
	return &http.Transport{TLSClientConfig: p.tls, ForceAttemptHTTP2: true}
}

// answers sets the answer to requests from now on.
func (p *peer) answers(f func(stream)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// conn returns the one connection that is open. Of several that are dialed at once, net/http
// may close some only after they have begun to speak.
func (p *peer) conn() (c *peerConn) {
	p.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		n := len(p.conns)
		if n == 1 {
			c = p.conns[0]
		}
		p.mu.Unlock()
		if c != nil {
			return c
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the server has %d connections open, want 1", n)
		}
	}
}

// endAll ends the connections that are open.
func (p *peer) endAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.end()
	}
}

func (p *peer) serve(nc *tls.Conn) {
	c := &peerConn{Conn: nc, pong: make(chan struct{}, 1), done: make(chan struct{})}
	defer close(c.done)
	defer c.Close()
	var preface [24]byte
	if _, err := io.ReadFull(c, preface[:]); err != nil {
		return // a duplicate dial, thrown away
	}
	p.mu.Lock()
	p.conns = append(p.conns, c)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.conns = slices.DeleteFunc(p.conns, func(x *peerConn) bool { return x == c })
	}()
	c.write(frameSettings, 0, 0, nil)
	var handlers sync.WaitGroup
	defer handlers.Wait()
	for {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			return
		}
		ack := head[4]&flagAck != 0
		// What is written here does not keep the next frame from being read: over a pipe, which holds
		// no byte, the client would read no more while it writes that.
		switch head[3] {
		case frameSettings:
			if !ack {
				handlers.Go(func() { c.write(frameSettings, flagAck, 0, nil) })
			}
		case framePing:
			if ack {
				c.pong <- struct{}{}
			} else if !p.mute.Load() {
				handlers.Go(func() { c.write(framePing, flagAck, 0, payload) })
			}
		case frameHeaders:
			p.mu.Lock()
			f := p.answer
			p.mu.Unlock()
			handlers.Go(func() { f(stream{c, binary.BigEndian.Uint32(head[5:])}) })
		}
	}
}

// write sends one frame. An error is ignored: the client may be gone.
func (c *peerConn) write(typ, flags byte, id uint32, payload []byte) {
	n := len(payload)
	f := append([]byte{byte(n >> 16), byte(n >> 8), byte(n), typ, flags}, binary.BigEndian.AppendUint32(nil, id)...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Write(append(f, payload...))
}

// headers begins a response: 200, by HPACK's static table.
func (s stream) headers() { s.write(frameHeaders, flagEndHeaders, s.id, []byte{0x88}) }

func (s stream) data(b string, end bool) {
	var flags byte
	if end {
		flags = flagEndStream
	}
	s.write(frameData, flags, s.id, []byte(b))
}

// reply is a whole response.
func (s stream) reply() {
	s.headers()
	s.data("x", true)
}

// goAway tells the client that no stream after last will be served.
func (c *peerConn) goAway(last uint32) {
	c.write(frameGoAway, 0, 0, append(binary.BigEndian.AppendUint32(nil, last), 0, 0, 0, 0))
}

// heard waits until the client has read all frames before, by a PING that it answers after
// them.
func (c *peerConn) heard(t *testing.T) {
	t.Helper()
	c.write(framePing, 0, 0, make([]byte, 8))
	select {
	case <-c.pong:
	case <-c.done:
		t.Error("the client has ended the connection")
	case <-time.After(20 * time.Second):
		t.Error("the client does not answer a PING")
	}
}

// end closes the connection by TLS's rules.
func (c *peerConn) end() { c.Close() }

// cut ends the connection without a word: neither TLS's nor HTTP/2's.
func (c *peerConn) cut() { c.NetConn().Close() }
