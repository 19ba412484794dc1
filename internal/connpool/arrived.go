package connpool

// An HTTP/2 stream is over when both sides have sent everything. Net/http takes it off
// InFlight then, whether or not the caller has read the body. So the exchanges that have
// their response, less the streams in flight, hold nothing but a body that has arrived.
// Exchanges that wait for their response are in flight, too, or will be: while there are
// such, too few are counted as over, and never too many.

// countOverLocked brings the number of streams that are over up to date. It must follow
// each change of c.answered.
func (c *Conn) countOverLocked() {
	h := c.host
	if !h.pool.countsOver() || !c.http2 {
		return
	}
	over := 0
	if c.answered > 0 {
		over = max(c.answered-c.cc.InFlight(), 0)
	}
	if n := over - c.arrived; n != 0 {
		c.arrived = over
		h.pool.opts.StreamsOver(h.key, n)
	}
}

// countsOver reports whether the Pool's user wants that number.
func (p *Pool) countsOver() bool { return p.opts.StreamsOver != nil }

// leaveLocked takes the exchange off c.
func (c *Conn) leaveLocked(e *Entry) {
	c.streams--
	if e.answered {
		e.answered = false
		c.answered--
		c.countOverLocked()
	}
	if c.host.pool.listened {
		c.releasedLocked()
	}
}

// answeredBy notes that the exchange has its response: over HTTP/2, or on a connection whose
// Reads are not seen.
func (c *Conn) answeredBy(e *Entry) {
	if c.raw == nil {
		c.host.silence.broken()
	}
	if c.http2 && !c.heard.Load() && !c.heard.Swap(true) {
		c.stateChanged() // the SETTINGS came before
	}
	if !c.http2 || !c.host.pool.countsOver() || e.Exempt {
		return
	}
	c.host.mu.Lock()
	defer c.host.unlock()
	e.answered = true
	c.answered++
	c.countOverLocked()
}

// Look counts the streams that are over on all connections once more: the state hooks that
// would have told of a change can be lost.
func (p *Pool) Look() {
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.unlock()
		for _, rt := range h.allRoutes() {
			for _, c := range rt.shared {
				c.countOverLocked()
			}
		}
	})
}
