package connpool

// Left is how many connections are open, in all states, and dials under way. After Shutdown
// a connection is dialed only for a request that is under way. Once these have ended Left
// only falls, and Options.Ended is called each time.
//
// A connection that has switched to another protocol is the caller's, and is not counted.
func (p *Pool) Left() (n int) {
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		n += h.conns.open() + h.conns.by[dialing]
	})
	return n
}

// endedLocked calls Options.Ended for a connection that is closed, or a dial that is over,
// after Shutdown.
func (h *Host) endedLocked() {
	if h.pool.shutDown.Load() && h.pool.opts.Ended != nil {
		h.pool.opts.Ended()
	}
}

// breakOffLocked breaks off, after Shutdown, the dials that no request owns, if no request
// waits that could adopt one: their connections would not be kept.
func (rt *route) breakOffLocked() {
	if rt.waiters.undialed.Len() > 0 {
		return
	}
	for _, c := range rt.dials {
		if c.waiter == nil && c.cancel != nil {
			c.cancel()
			c.cancel = nil
		}
	}
}
