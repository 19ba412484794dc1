package connpool

// BarelyUsed reports whether all that the Pool was used for so far is a request or two,
// to one host, and nothing is going on; and which host that is.
func (p *Pool) BarelyUsed() (host string, ok bool) {
	if p.uses.Load() > 2 {
		return "", false
	}
	hosts, busy := 0, false
	p.hosts.each(func(h *Host) {
		hosts++
		host = h.name
		h.mu.Lock()
		defer h.mu.Unlock()
		busy = busy || h.inFlight > 0
	})
	return host, hosts == 1 && !busy
}
