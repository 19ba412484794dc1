package ledger

import "crypto/tls"

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
