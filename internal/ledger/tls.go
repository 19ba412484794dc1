package ledger

import "crypto/tls"

// TLS is what a connection's handshake has shown; zero if there was none, or it can't be
// seen.
type TLS struct {
	Version uint16 // as in crypto/tls
	Resumed bool   // a session was
}

// SetTLS notes what the handshake has shown, of a connection through which it can't be
// seen: to net/http a proxy's CONNECT is not TLS.
func (h *NetConn) SetTLS(t TLS) { h.tls.Store(&t) }

// TLS is what the handshake has shown. Nobody who does not ask pays for it.
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

// Handshakes counts connections that have come up with TLS, and those of them that
// resumed a session.
type Handshakes struct{ All, Resumed uint64 }

// Add counts one.
func (n *Handshakes) Add(t TLS) {
	if t.Version == 0 {
		return
	}
	n.All++
	if t.Resumed {
		n.Resumed++
	}
}
