package ledger

import (
	"net"
	"net/netip"
	"time"
)

// quicKey identifies a QUIC connection by its ends. It has no net.Conn: over HTTP/3
// GotConn is shown a new net.Conn for each request, which has addresses and nothing else.
type quicKey struct{ local, remote netip.AddrPort }

// quicKeyOf returns nc's key if nc stands for a QUIC connection: no other version of HTTP
// runs over datagrams.
func quicKeyOf(nc net.Conn) (k quicKey, ok bool) {
	remote, ok := RemoteAddr(nc).(*net.UDPAddr)
	if !ok || remote == nil {
		return k, false
	}
	k.remote = remote.AddrPort()
	if local, ok := LocalAddr(nc).(*net.UDPAddr); ok && local != nil {
		k.local = local.AddrPort()
	}
	return k, true
}

// answeredLocked notes that a response has come.
func (c *Conn) answeredLocked() {
	if c.quic && c.answered.IsZero() {
		c.answered = time.Now()
	}
}

// replacedLocked reports whether the exchange e, to which its connection was called new, has
// another connection than c, although both have the same key: all connections of one socket
// to one server have the same ends. Quic-go calls a connection new to every exchange that
// waited for its handshake, but to none that asked later. So if e asked after c's first
// response, which comes after c's handshake, its connection is not c.
func (c *Conn) replacedLocked(e *Entry) bool {
	up := c.answered
	if c.predates {
		up = c.opened // the ledger saw it when it was reused: its handshake was before that
	}
	return !up.IsZero() && e.atGetConn.at.After(up)
}
