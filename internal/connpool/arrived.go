package connpool

// An HTTP/2 stream is over when both sides have sent all: net/http takes it off
// InFlight then, whether or not anybody has read the body. So of the exchanges that
// have their response, as many as are more than InFlight hold nothing but a body that
// has arrived. Those that wait for their response are in flight, too, or will be:
// while there are such, too few count as over, and never too many.

// countOverLocked brings that number up to date. It must follow each change of
// c.answered.
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

// countsOver reports whether they are wanted.
func (p *Pool) countsOver() bool { return p.opts.StreamsOver != nil }

// leaveLocked takes the exchange off c.
func (c *Conn) leaveLocked(e *Entry) {
	c.streams--
	if e.answered {
		e.answered = false
		c.answered--
		c.countOverLocked()
	}
	c.releasedLocked()
}

// answeredBy notes that the exchange has its response.
func (c *Conn) answeredBy(e *Entry) {
	if c.raw == nil { // else its Read has said so
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

// Look brings what is known of all connections up to date: their state hooks can be
// lost.
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
