package ledger

// ConnCount is a number of open connections.
type ConnCount struct{ Open, Active int }

// Version is the protocol that a connection speaks, as far as that shows.
type Version uint8

const (
	Unspoken Version = iota // no request had it yet
	HTTP1
	HTTP2
	HTTP3
)

// Versions count open connections by what they speak.
type Versions [HTTP3 + 1]ConnCount

func (v *Versions) add(c *Conn, n int) {
	x := &v[c.version()]
	x.Open += n
	if c.state == active {
		x.Active += n
	}
}

func (c *Conn) version() Version {
	switch {
	case c.http2 && c.quic:
		return HTTP3
	case c.http2:
		return HTTP2
	case c.uses > 0 || c.predates:
		return HTTP1
	}
	return Unspoken
}

// CountPeers has connections counted by peer from now on.
func (l *Ledger) CountPeers() { l.peers.Store(true) }

// CountsPeers reports whether they are.
func (l *Ledger) CountsPeers() bool { return l.peers.Load() }

// countOpenLocked adds c, which is open, to the counts.
func (h *Host) countOpenLocked(c *Conn, n int) {
	h.versions.add(c, n)
	if c.peer == "" {
		return // not wanted
	}
	if h.peers == nil {
		h.peers = make(map[string]Versions)
	}
	p := h.peers[c.peer]
	p.add(c, n)
	h.peers[c.peer] = p
	if p == (Versions{}) {
		delete(h.peers, c.peer)
	}
}
