package connpool

// Left is how many connections are left, in whatever state, and dials that go on. After
// Shutdown there are no new ones but for requests that are under way: once these have
// ended it only falls, and Options.Ended is called each time that it does.
//
// A connection that has gone on in another protocol is the caller's and not among them.
func (p *Pool) Left() (n int) {
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		n += h.conns.open() + h.conns.by[dialing]
	})
	return n
}

// endedLocked tells that a connection is closed, or a dial over, once Shutdown was called.
func (h *Host) endedLocked() {
	if h.pool.shutDown.Load() && h.pool.opts.Ended != nil {
		h.pool.opts.Ended()
	}
}

// breakOffLocked breaks off the dials that are no request's after Shutdown, if no request
// waits that could have one: what they make would not be kept.
func (rt *route) breakOffLocked() {
	if !rt.host.pool.shutDown.Load() || rt.waiters.undialed.Len() > 0 {
		return
	}
	for _, c := range rt.dials {
		if c.waiter == nil && c.cancel != nil {
			c.cancel()
			c.cancel = nil
		}
	}
}
