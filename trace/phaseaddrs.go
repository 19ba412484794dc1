package trace

import (
	"net"
	"net/http/httptrace"

	"github.com/warmconn/warmconn/internal/ledger"
)

// withAddresses has GotConn ask no connection for its addresses that may have none, or panic.
// Otelhttptrace asks for their texts, and for nothing else.
func withAddresses(h *httptrace.ClientTrace) {
	got := h.GotConn
	h.GotConn = func(info httptrace.GotConnInfo) {
		info.Conn = addressed{info.Conn, addr(ledger.AddrText(ledger.LocalAddr(info.Conn))), addr(ledger.AddrText(ledger.RemoteAddr(info.Conn)))}
		got(info)
	}
}

// addressed is a connection whose addresses are known.
type addressed struct {
	net.Conn
	local, remote addr
}

func (c addressed) LocalAddr() net.Addr  { return c.local }
func (c addressed) RemoteAddr() net.Addr { return c.remote }

// addr is an address that was put into words; "" if there was none.
type addr string

func (addr) Network() string  { return "" }
func (a addr) String() string { return string(a) }
