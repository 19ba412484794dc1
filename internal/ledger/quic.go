package ledger

import (
	"net"
	"net/netip"
	"time"
)

// quicKey tells a QUIC connection by its ends. No net.Conn of it exists: over HTTP/3
// GotConn is shown a new one for each request, which has addresses and nothing else.
type quicKey struct{ local, remote netip.AddrPort }

// quicKeyOf is nc's, if it is one: HTTP's other versions run over no datagrams. A dialer's
// connection may have no addresses and panic when asked: net/http asks for none.
func quicKeyOf(nc net.Conn) (k quicKey, ok bool) {
	defer func() {
		if recover() != nil {
			k, ok = quicKey{}, false
		}
	}()
	remote, ok := nc.RemoteAddr().(*net.UDPAddr)
	if !ok || remote == nil {
		return k, false
	}
	k.remote = remote.AddrPort()
	if local, ok := nc.LocalAddr().(*net.UDPAddr); ok && local != nil {
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

// replacedLocked reports whether the exchange, which was told that its connection is new,
// has another one than c. All connections of one socket to one server have the same
// ends; and all exchanges that wait for a handshake are told that its connection is new,
// but none that asked after the handshake, which no response comes before.
func (c *Conn) replacedLocked(e *Entry) bool {
	up := c.answered
	if c.predates {
		up = c.opened // for the one that was told so
	}
	return !up.IsZero() && e.atGetConn.at.After(up)
}
