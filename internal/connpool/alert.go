package connpool

import "encoding/binary"

// Over TLS a peer ends a connection by an alert, mostly close_notify. Its FIN comes later,
// when net/http may no longer read. The alert is encrypted, but it is two bytes long, and
// hardly any other record of HTTP's is of that length. One may be: the end of a chunk, in a
// record of its own; but that is never the last record on a connection.

const (
	recordHeader = 5
	// alert13 is the length of an alert in TLS 1.3: two bytes, the hidden type
	// and the seal. The record's own type is application data.
	alert13 = 2 + 1 + 16

	typeAlert           = 21
	typeApplicationData = 23
)

// alert12 are the lengths of an alert in TLS 1.2, where the record names its
// type: with ChaCha20, AES-GCM, 3DES, and AES-CBC with SHA-1 and SHA-256.
var alert12 = [...]int{18, 26, 32, 48, 64}

// endsInAlert reports whether the last thing in p, which was read from a
// connection, is the record of an alert. On a connection without TLS only a peer that
// means to forge one sends such bytes, and all it achieves is a wrong word in a span.
func endsInAlert(p []byte) bool {
	if isRecord(p, typeApplicationData, alert13) {
		return true
	}
	for _, n := range alert12 {
		if isRecord(p, typeAlert, n) {
			return true
		}
	}
	return false
}

// alertMost is the length of the longest record of an alert.
const alertMost = recordHeader + 64

// tail are the last bytes that were read: package tls reads into a buffer that may end
// within a record.
type tail struct {
	b [alertMost]byte
	n int
}

// with returns the last bytes of what was read before and of p, and keeps them. They are
// valid until it is called again.
func (t *tail) with(p []byte) []byte {
	if len(p) >= alertMost {
		t.n = copy(t.b[:], p[len(p)-alertMost:])
		return p
	}
	if over := t.n + len(p) - alertMost; over > 0 {
		t.n = copy(t.b[:], t.b[over:t.n])
	}
	t.n += copy(t.b[t.n:], p)
	return t.b[:t.n]
}

// isAlert reports whether p is one alert and nothing else.
func isAlert(p []byte) bool {
	return len(p) > recordHeader && len(p) == recordHeader+int(binary.BigEndian.Uint16(p[3:])) && endsInAlert(p)
}

// goAwayRecord13 and goAwayRecord12 are the least lengths of a record with a GOAWAY frame
// in it, in TLS 1.3 and in 1.2: 17 bytes and the seal. PING frames are as long, but hardly
// any server sends one right before it closes the connection (see farewellMost). The other
// frames that a server sends unasked are shorter.
const goAwayRecord13, goAwayRecord12 = 17 + 1 + 16, 17 + 16

// bringsGoAway reports whether p, read from an HTTP/2 connection on which there is
// no stream, has a GOAWAY frame, as far as can be seen through TLS.
func (c *netConn) bringsGoAway(p []byte) bool {
	if c.plain {
		const frameHeader, typeGoAway = 9, 7
		for len(p) >= frameHeader {
			if p[3] == typeGoAway {
				return true
			}
			n := frameHeader + int(p[0])<<16 + int(p[1])<<8 + int(p[2])
			if n >= len(p) {
				return false
			}
			p = p[n:]
		}
		return false
	}
	least := goAwayRecord12
	if c.tls13.Load() {
		least = goAwayRecord13
	}
	for len(p) >= recordHeader {
		n := int(binary.BigEndian.Uint16(p[3:]))
		if p[0] == typeApplicationData && n >= least {
			return true
		}
		if recordHeader+n >= len(p) {
			return false
		}
		p = p[recordHeader+n:]
	}
	return false
}

// ticketRecord13 tells a session ticket of TLS 1.3, which may come first, from the server's
// SETTINGS: the record of a ticket is longer, and that of the first SETTINGS, with the first
// WINDOW_UPDATE behind them, is shorter.
const ticketRecord13 = 120

// bringsSettings reports whether p, the first bytes that came on an HTTP/2 connection, has
// the server's SETTINGS, which are its first frame by RFC 9113, 3.4. One thing looks the
// same through TLS 1.3: a ticket of some 50 bytes, by a server that keeps the session itself.
func (c *netConn) bringsSettings(p []byte) bool {
	if c.plain {
		return true
	}
	for len(p) >= recordHeader {
		n := int(binary.BigEndian.Uint16(p[3:]))
		if p[0] == typeApplicationData && (n < ticketRecord13 || !c.tls13.Load()) {
			return true
		}
		if recordHeader+n >= len(p) {
			return false
		}
		p = p[recordHeader+n:]
	}
	return false
}

// isRecord reports whether p ends in a record of that type and length.
func isRecord(p []byte, typ byte, length int) bool {
	at := len(p) - recordHeader - length
	return at >= 0 && p[at] == typ && p[at+1] == 3 && int(binary.BigEndian.Uint16(p[at+3:])) == length
}
