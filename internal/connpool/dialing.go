package connpool

// Dialing is how many connections to the host of that name are being dialed; if it is
// empty, to all hosts.
func (p *Pool) Dialing(name string) (n int) {
	p.hosts.each(func(h *Host) {
		if name != "" && h.name != name {
			return
		}
		h.mu.Lock()
		n += h.conns.by[dialing]
		h.mu.Unlock()
	})
	return n
}
