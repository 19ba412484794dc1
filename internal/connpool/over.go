package connpool

// An HTTP/2 stream is over when both sides have sent all: net/http takes it off
// InFlight then, whether or not anybody has read the body. So what exchanges have of
// the connection, less InFlight, is how many hold nothing but a body that has arrived.

// countOverLocked brings that number up to date. It must follow each change of
// c.streams over HTTP/2.
//
// A stream that was given away is neither in flight nor over until it is reserved.
// Those are read first: one that is reserved in between counts twice, and too few are
// over. The same goes for those that are exempt, of which nobody knows whether they
// are.
func (c *Conn) countOverLocked() {
	h := c.host
	told := h.pool.opts.StreamsOver
	if told == nil || !c.http2 {
		return
	}
	held := c.streams - c.exempt - int(c.unreserved.Load())
	over := 0
	if held > 0 {
		over = max(held-c.cc.InFlight(), 0)
	}
	if n := over - c.over; n != 0 {
		c.over = over
		told(h.key, n)
	}
}

// reserves reports whether each stream is reserved. It costs two allocations a
// request, and few servers make it necessary otherwise: see tightLocked.
func (p *Pool) reserves() bool { return p.opts.StreamsOver != nil }

// joinLocked and leaveLocked count an exchange on c, over HTTP/2.
func (c *Conn) joinLocked(e *Entry) {
	c.streams++
	if c.http2 && c.host.pool.reserves() {
		c.unreserved.Add(1)
		if e.Exempt {
			c.exempt++
		}
		c.countOverLocked()
	}
}

func (c *Conn) leaveLocked(e *Entry) {
	c.streams--
	if c.http2 && c.host.pool.reserves() {
		if e.Exempt {
			c.exempt--
		}
		c.countOverLocked()
	}
}

// reserve has net/http hold the stream that c was given away for.
func (c *Conn) reserve() bool {
	err := c.cc.Reserve()
	if c.host.pool.reserves() {
		c.unreserved.Add(-1)
	}
	return err == nil
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
