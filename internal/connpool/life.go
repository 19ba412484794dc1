package connpool

import "time"

// LifeEvent is an event in a connection's life, of which a listener is told.
type LifeEvent uint8

const (
	// Opened: it is up, its handshakes done. It comes first, and once.
	Opened LifeEvent = iota
	// Acquired and Released: an exchange was given it, and has it no more. They come in
	// pairs, over HTTP/2 several at once.
	Acquired
	Released
	// Retired: no request is given it any more. At most once.
	Retired
	// Closed: its socket is closed, and no exchange has it. It comes last, and once.
	Closed

	lifeEvents
)

// Life is a listener's func for each event; nil funcs are not called. See tellLocked.
type Life [lifeEvents]func(ConnFacts)

// listens reports whether there is a func for any event.
func (l *Life) listens() bool {
	for _, f := range l {
		if f != nil {
			return true
		}
	}
	return false
}

// lifeQueue has the events of a host's connections of which the listener was not told yet.
// The host's mutex guards it.
type lifeQueue struct {
	events  []lifeLine
	telling bool
}

type lifeLine struct {
	event LifeEvent
	facts ConnFacts
}

// tellLocked has the listener told of an event of c's.
//
// Connections take their edges under the host's mutex, some on net/http's goroutines under
// its locks, or in the caller's Close of a body under the stack's. A listener may call the
// Pool, so none of these locks may be held while it runs. Two simpler ways do not work:
//
//   - Each goroutine tells of its own events when it gives the mutex up, as Host.unlock does
//     with other work. Then two goroutines can overtake each other.
//   - One of them tells of the events of all. Then it may never come back to its own request.
//
// So each host has a goroutine that tells, for as long as its queue is not empty.
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

// tellLife tells of the events in the queue, until that is empty.
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

// opensLocked tells that c is up. Its callers ask first whether the Pool is listened to. Of a
// connection of which this event was not told, the others are not told either.
func (c *Conn) opensLocked() {
	c.told.opened = true
	c.tellLocked(Opened, 0)
}

// acquiredLocked tells that an exchange was given c, which was idle for idleFor.
func (c *Conn) acquiredLocked(idleFor time.Duration) { c.tellLocked(Acquired, idleFor) }

// releasedLocked tells that an exchange has c no more, after it was taken off c.streams.
func (c *Conn) releasedLocked() {
	c.tellLocked(Released, 0)
	c.endedLocked()
}

// retiresNowLocked tells, once, that c is given to no request any more.
func (c *Conn) retiresNowLocked() {
	if c.told.opened && !c.told.retired {
		c.told.retired = true
		c.tellLocked(Retired, 0)
	}
}

// endedLocked tells that c is closed, once no exchange has it: an exchange whose body was
// drained may end after the socket was closed.
func (c *Conn) endedLocked() {
	if c.told.opened && !c.told.closed && c.state == closed && c.streams == 0 {
		c.told.closed = true
		c.tellLocked(Closed, 0)
	}
}

// toldOf says which of the events that come once have come. The host's mutex guards it.
type toldOf struct{ opened, retired, closed bool }
