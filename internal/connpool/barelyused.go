package connpool

// BarelyUsed reports whether the Pool has served no more than one or two requests so far,
// to one host, and has none in flight; and which host that is.
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
