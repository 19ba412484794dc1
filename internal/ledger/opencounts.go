package ledger

// ConnCount is a number of open connections.
type ConnCount struct{ Open, Active int }

// Version is the protocol that a connection speaks, as far as that is known.
type Version uint8

const (
	Unspoken Version = iota // no request has used it yet
	HTTP1
	HTTP2
	HTTP3
)

// Versions count open connections by protocol.
type Versions [HTTP3 + 1]ConnCount

// Add adds n connections that speak v. InUse says whether a request has them.
func (vs *Versions) Add(v Version, inUse bool, n int) {
	x := &vs[v]
	x.Open += n
	if inUse {
		x.Active += n
	}
}

// Peers count open connections by the address of their other end, if that is known.
type Peers map[string]Versions

// Add is Versions.Add for the connections to one peer.
func (ps *Peers) Add(peer string, v Version, inUse bool, n int) {
	if *ps == nil {
		*ps = make(Peers)
	}
	p := (*ps)[peer]
	p.Add(v, inUse, n)
	if (*ps)[peer] = p; p == (Versions{}) {
		delete(*ps, peer)
	}
}

// connCounts count a host's connections, by state and by protocol.
type connCounts struct {
	open     int // all that are not gone: unused, active, idle and closing ones
	active   int
	idle     int
	closing  int
	http2    int // active and idle ones that speak HTTP/2
	versions Versions
	peers    Peers                 // nil unless they are counted
	spoken   [len(Versions{})]bool // which protocols were seen
}

// addLocked adds c, n times, to the counts of its state.
func (t *connCounts) addLocked(c *Conn, n int) {
	switch c.state {
	case active:
		t.active += n
	case idle:
		t.idle += n
	case closing:
		t.closing += n
	case gone:
		return
	}
	t.open += n
	t.versions.Add(c.version(), c.state == active, n)
	if c.peer != "" {
		t.peers.Add(c.peer, c.version(), c.state == active, n)
	}
	if c.http2 && (c.state == active || c.state == idle) {
		t.http2 += n
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

// CountsPeers reports whether connections are counted by peer.
func (l *Ledger) CountsPeers() bool { return l.peers.Load() }
