package ledger

// PeerCount is how many watched connections go to one peer, by address.
type PeerCount struct{ Open, Active int }

// CountPeers has connections counted by peer from now on.
func (l *Ledger) CountPeers() { l.peers.Store(true) }

// CountsPeers reports whether they are.
func (l *Ledger) CountsPeers() bool { return l.peers.Load() }

// meet says which peer c goes to. h.mu is held.
func (h *Host) meet(c *Conn, peer string) {
	if peer == "" {
		return
	}
	c.peer = peer
	h.countPeer(c, +1, 0)
}

// countPeer changes the counts of c's peer, if anybody wants them. h.mu is held.
func (h *Host) countPeer(c *Conn, open, active int) {
	if c.peer == "" {
		return
	}
	if h.peers == nil {
		h.peers = make(map[string]PeerCount)
	}
	n := h.peers[c.peer]
	n.Open += open
	n.Active += active
	if n.Open == 0 {
		delete(h.peers, c.peer)
		return
	}
	h.peers[c.peer] = n
}
