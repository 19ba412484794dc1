package ledger

// Brief reports whether all that the base was used for so far is a request or
// two, to one host, and nothing is going on; and which host that is. Of requests
// without a Use, only their connections are seen.
func (l *Ledger) Brief() (host string, ok bool) {
	uses := l.uses.Load()
	if uses > 2 {
		return "", false
	}
	hosts, brief := 0, true
	l.each(func(h *Host) {
		hosts++
		host = h.key.String()
		h.mu.Lock()
		defer h.mu.Unlock()
		switch {
		case h.inflight > 0 || h.active > 0:
			brief = false
		case uses == 0:
			brief = brief && h.briefReads()
		}
	})
	return host, brief && hosts == 1
}

// briefReads is how many Reads of a connection one or two small responses take,
// over HTTP/2 and with the handshake.
const briefReads = 16

// briefReads reports whether the connections whose requests nobody knows look
// like those of a request or two: at most two, still open, with few Reads. h.mu
// is held.
func (h *Host) briefReads() bool {
	opened := h.ledger.conns.Load()
	if opened == 0 || opened > 2 || h.open < int(opened) {
		return false
	}
	reads := uint32(0)
	for _, c := range h.coming { // they are never had by a Use
		if c.conn == nil {
			return false
		}
		reads += c.conn.reads.Load()
	}
	return reads <= briefReads
}
