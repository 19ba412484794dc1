package ledger

import (
	"crypto/tls"
	"net"
	"reflect"
	"strconv"
	"sync/atomic"
	"time"
)

// NetConn is a connection as its exchanges see it. All of them share one.
type NetConn struct {
	Conn    net.Conn
	pointer bool // Conn is a pointer: comparing it does not panic
	peer    atomic.Pointer[Peer]
	tls     atomic.Pointer[TLS]
}

// Peer is the other end of a connection. Port is 0 if it has none.
type Peer struct {
	Host string
	Port int
}

// Setup is what making a connection took, as far as it was seen.
type Setup struct{ DNS, Connect, TLS time.Duration }

// NewNetConn returns the NetConn for nc.
func NewNetConn(nc net.Conn) *NetConn {
	return &NetConn{Conn: nc, pointer: nc != nil && reflect.TypeOf(nc).Kind() == reflect.Pointer}
}

// netConnLocked returns nc for the exchanges that are given c.
func (c *Conn) netConnLocked(nc net.Conn) *NetConn {
	if h := c.net; h != nil && h.pointer && h.Conn == nc {
		return h
	}
	c.net = NewNetConn(nc)
	return c.net
}

// Peer returns the connection's other end. It is put into words once.
func (h *NetConn) Peer() Peer {
	if p := h.peer.Load(); p != nil {
		return *p
	}
	var p Peer
	if h.Conn != nil {
		p = PeerOf(RemoteAddr(h.Conn))
	}
	h.peer.Store(&p)
	return p
}

// PeerOf puts an address into words; empty if there is none. One of the program's own kind
// may panic in String.
func PeerOf(a net.Addr) (p Peer) {
	defer func() {
		if recover() != nil {
			p = Peer{}
		}
	}()
	switch a := a.(type) {
	case nil:
		return p
	case *net.TCPAddr:
		if a != nil {
			p = Peer{a.IP.String(), a.Port}
		}
		return p
	case *net.UnixAddr:
		if a != nil {
			p.Host = a.Name
		}
		return p
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return Peer{Host: a.String()}
	}
	p.Host = host
	p.Port, _ = strconv.Atoi(port)
	return p
}

// TLS describes a connection's TLS handshake. It is zero if there was none, or if it can't
// be seen.
type TLS struct {
	Version uint16 // as in crypto/tls
	Resumed bool   // an earlier session was resumed
}

// SetTLS sets the result of TLS, for a connection whose net.Conn does not show it: through
// a proxy, TLS runs inside of the CONNECT, above the net.Conn.
func (h *NetConn) SetTLS(t TLS) { h.tls.Store(&t) }

// TLS returns the facts of the handshake. They are read at the first call: an exchange that
// does not ask pays nothing.
func (h *NetConn) TLS() TLS {
	if t := h.tls.Load(); t != nil {
		return *t
	}
	tc, ok := h.Conn.(*tls.Conn)
	if !ok {
		return TLS{}
	}
	s := tc.ConnectionState()
	t := TLS{s.Version, s.DidResume}
	if s.HandshakeComplete {
		h.SetTLS(t)
	}
	return t
}

// Handshakes counts completed TLS handshakes, and how many of them resumed a session.
type Handshakes struct{ All, Resumed uint64 }

// Add counts t, if there was a handshake.
func (n *Handshakes) Add(t TLS) {
	if t.Version == 0 {
		return
	}
	n.All++
	if t.Resumed {
		n.Resumed++
	}
}

// AddrText returns an address in words; "" if there is none. One of the program's own kind may
// panic in String.
func AddrText(a net.Addr) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	if a == nil {
		return ""
	}
	if text = a.String(); text == "<nil>" { // what net's own types say of a nil pointer
		return ""
	}
	return text
}

// LocalAddr returns nc's own address; nil if it has none. See RemoteAddr.
func LocalAddr(nc net.Conn) (a net.Addr) {
	defer func() {
		if recover() != nil {
			a = nil
		}
	}()
	return nc.LocalAddr()
}

// RemoteAddr returns the address of nc's other end; nil if it has none. A connection of the
// program's dialer may panic when it is asked, as one with an embedded net.Conn that is nil
// does. Net/http does not ask, so the request must not fail for that here.
func RemoteAddr(nc net.Conn) (a net.Addr) {
	defer func() {
		if recover() != nil {
			a = nil
		}
	}()
	return nc.RemoteAddr()
}
