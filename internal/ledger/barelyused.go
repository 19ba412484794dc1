package ledger

// BarelyUsed reports whether the base has carried no more than two requests so far, all
// to one host, and none is in flight; and names that host. A request without an Entry
// shows only as a connection.
func (l *Ledger) BarelyUsed() (host string, ok bool) {
	uses := l.uses.Load()
	if uses > 2 {
		return "", false
	}
	hosts, brief := 0, true
	l.hosts.Each(func(h *Host) {
		hosts++
		host = h.key.String()
		h.mu.Lock()
		defer h.mu.Unlock()
		switch {
		case h.inFlight > 0 || h.counts.active > 0:
			brief = false
		case uses == 0:
			brief = brief && l.barelyRead(h.counts.open)
		}
	})
	return host, brief && hosts == 1
}

// barelyReads is how many Reads of a connection one or two small responses take,
// over HTTP/2 and with the handshake.
const barelyReads = 16

// barelyRead reports whether connections whose requests have no Entry look as after one
// or two requests: at most two connections, still open, with few Reads.
func (l *Ledger) barelyRead(open int) bool {
	opened := l.conns.Load()
	return 0 < opened && opened <= 2 && open >= int(opened) && l.reads.Load() <= barelyReads
}
