package connpool

import "time"

// LifeEvent is what may happen to a connection that a listener is told of.
type LifeEvent uint8

const (
	// Opened: it is up, its handshakes done. It comes first, and once.
	Opened LifeEvent = iota
	// Acquired and Released: an exchange has it, and has it no more. They come in pairs,
	// over HTTP/2 several at once.
	Acquired
	Released
	// Retired: no request is given it any more. At most once.
	Retired
	// Closed: its socket is, and no exchange has it. It comes last, and once.
	Closed

	lifeEvents
)

// Life is called with what happens to connections; nil funcs are not. See tellLocked.
type Life [lifeEvents]func(ConnFacts)

// lifeQueue is what has happened to a host's connections and was not told yet. The
// host's mutex guards it.
type lifeQueue struct {
	events  []lifeLine
	telling bool
}

type lifeLine struct {
	event LifeEvent
	facts ConnFacts
}

// tellLocked has the listener told what has happened to c.
//
// Edges are taken under the host's mutex, and some by net/http's goroutines under its own
// locks, or in the caller's Close of a body under the stack's. A listener may ask the Pool,
// so none of them may be held; and if whoever gives the mutex up told it, as Host.unlock
// does with other things, two of them could overtake each other, and one that tells in
// their place what others queue might never come back to its own request. So it is told by
// a goroutine that is there as long as the queue is not empty, one for a host.
func (c *Conn) tellLocked(event LifeEvent, idleFor time.Duration) {
	h := c.host
	if h.pool.opts.Life[event] == nil {
		return
	}
	h.life.events = append(h.life.events, lifeLine{event: event})
	f := &h.life.events[len(h.life.events)-1].facts
	c.factsLocked(f, time.Now())
	if event == Acquired {
		f.IdleFor = idleFor
	}
	if !h.life.telling {
		h.life.telling = true
		go h.tellLife()
	}
}

// tellLife tells what is in the queue, until nothing is.
func (h *Host) tellLife() {
	var spare []lifeLine
	for {
		h.mu.Lock()
		lines := h.life.events
		if len(lines) == 0 {
			h.life.events, h.life.telling = nil, false
			h.mu.Unlock()
			return
		}
		h.life.events = spare
		h.mu.Unlock()
		for i := range lines {
			l := &lines[i]
			h.pool.opts.Life[l.event](l.facts)
		}
		clear(lines)
		spare = lines[:0]
	}
}

// opensLocked tells that c is up.
func (c *Conn) opensLocked() {
	c.told.opened = true
	c.tellLocked(Opened, 0)
}

// acquiredLocked tells that an exchange has c, which has lain idle for so long.
func (c *Conn) acquiredLocked(idleFor time.Duration) { c.tellLocked(Acquired, idleFor) }

// releasedLocked tells that an exchange has c no more; c.streams says so already.
func (c *Conn) releasedLocked() {
	c.tellLocked(Released, 0)
	c.endedLocked()
}

// retiresNowLocked tells that c is given to no request any more.
func (c *Conn) retiresNowLocked() {
	if c.told.opened && !c.told.retired {
		c.told.retired = true
		c.tellLocked(Retired, 0)
	}
}

// endedLocked tells that c is closed, once no exchange has it: the end of one whose body
// was being drained may come behind that of the socket.
func (c *Conn) endedLocked() {
	if c.told.opened && !c.told.closed && c.state == closed && c.streams == 0 {
		c.told.closed = true
		c.tellLocked(Closed, 0)
	}
}

// toldOf is which of the events that come once have come. The host's mutex guards it.
type toldOf struct{ opened, retired, closed bool }
