package pool

import (
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
)

// ConnListener is told of the lives of the connections that the Pool owns. Nil funcs are
// skipped, and cost nothing.
//
// For each connection the funcs are called so:
//
//   - Opened first, and Closed last, once each;
//   - Acquired and Released once for each request that it was given to; over HTTP/2
//     several requests may have it at once;
//   - Retired at most once, before Closed. No request is given the connection after that.
//
// A request that finds the connection dead, or with no stream left, gives it back and gets
// another one: that, too, is an Acquired and a Released. Closed comes after the Released of
// all requests. The events of one host come in the order in which they happened, by one call
// after the other. Different hosts' come at the same time, so funcs must be safe for
// concurrent use.
//
// Funcs are called without any lock, soon after the event, on a goroutine of the
// Pool's that is there only while there are events. So no request waits for
// them, and they may use the Pool, Conns and Stats too. But they must not block: later
// events would pile up in memory, and the goroutine would keep the connections'
// owner alive. Like OnLeak they must not hold the Pool's client, or a dropped client
// could not be found.
//
// With an Acquired and a Released a request has two or three more allocations, some
// 800 bytes. The time that they take does not show over loopback; see
// BenchmarkConnListener.
type ConnListener struct {
	// Opened: the connection is up, its TLS handshake and a proxy's CONNECT done. A dial
	// that fails has no Opened, though Stats counts it as opened once it had a
	// socket. NewReason says why it was dialed.
	Opened func(ConnEvent)
	// Acquired: a request was given it. IdleFor is how long it had been idle.
	Acquired func(ConnEvent)
	// Released: a request has it no more: its body has ended, or over HTTP/2 its stream was
	// given up.
	Released func(ConnEvent)
	// Retired: the pool gives it to no more requests, because it is too old, say, or the
	// server has closed it. LostReason says why. Over HTTP/2 its streams go on.
	Retired func(ConnEvent)
	// Closed: its socket is closed, or after a 101 the caller's own, and no request has it.
	// LostReason says why, and may be more exact than at Retired.
	Closed func(ConnEvent)
}

// ConnEvent is something that happened to a connection, with what Conns would have
// returned for it in that moment, but for RTT and Retransmits: the kernel is not asked for
// them.
type ConnEvent struct {
	ConnInfo
	// At is when it happened.
	At time.Time
}

// life returns l's funcs as connpool calls them.
func (l *ConnListener) life() (life connpool.Life) {
	for _, x := range [...]struct {
		event connpool.LifeEvent
		f     func(ConnEvent)
	}{
		{connpool.Opened, l.Opened},
		{connpool.Acquired, l.Acquired},
		{connpool.Released, l.Released},
		{connpool.Retired, l.Retired},
		{connpool.Closed, l.Closed},
	} {
		if x.f != nil {
			life[x.event] = func(f connpool.ConnFacts) { x.f(ConnEvent{connInfo(&f), f.At}) }
		}
	}
	return life
}
