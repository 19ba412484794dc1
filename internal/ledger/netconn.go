package ledger

import (
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
		p = PeerOf(h.Conn.RemoteAddr())
	}
	h.peer.Store(&p)
	return p
}

// PeerOf puts an address into words; empty if there is none.
func PeerOf(a net.Addr) (p Peer) {
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
