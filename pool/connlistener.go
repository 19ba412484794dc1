package pool

import (
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
)

// ConnListener is told of the lives of the connections that the Pool owns. Nil funcs are
// skipped, and cost nothing.
//
// Of each connection Opened is called first and Closed last, once each; Retired at most
// once, between them; and Acquired and Released once for each request that it was given
// to, over HTTP/2 of several at once. A request that finds the connection dead, or with no
// stream left, gives it back and gets another one: that, too, is an Acquired and a
// Released. No request is given a connection that was retired. Closed waits for the end of
// all requests that have the connection. What happens to the connections of one host is
// told in the order in which it happens, by one call after the other; different hosts'
// come at the same time, so funcs must be safe for concurrent use.
//
// They are called without any lock, soon after what they tell of, on a goroutine of the
// Pool's that is there only while there is something to tell. So no request waits for
// them, and they may use the Pool, Conns and Stats too. But they must not block: what is
// to be told piles up meanwhile in memory, and its goroutine keeps the connections'
// owner alive. Like OnLeak they must not hold the Pool's client, or a dropped client
// could not be found.
//
// Where Acquired and Released are heard a request allocates two or three times more, some
// 800 bytes, and what time that takes does not show over loopback; see
// BenchmarkConnListener.
type ConnListener struct {
	// Opened: the connection is up, its TLS handshake and a proxy's CONNECT done. A dial
	// that comes to nothing is not told, though Stats counts it as opened once it had a
	// socket. NewReason says why it was dialed.
	Opened func(ConnEvent)
	// Acquired: a request was given it. IdleFor is how long it had been idle.
	Acquired func(ConnEvent)
	// Released: a request has it no more: its body has ended, or over HTTP/2 its stream was
	// given up.
	Released func(ConnEvent)
	// Retired: the pool gives it to no request any more, because it is too old, say, or the
	// server has closed it. LostReason says why. Over HTTP/2 its streams go on.
	Retired func(ConnEvent)
	// Closed: its socket is closed, or after a 101 the caller's own, and no request has it.
	// LostReason says why; it may know better than Retired did.
	Closed func(ConnEvent)
}

// ConnEvent is something that happened to a connection: what Conns would have said of it
// in that moment, without RTT and Retransmits, which the kernel is not asked for.
type ConnEvent struct {
	ConnInfo
	// At is when it happened.
	At time.Time
}

// life is what connpool is to tell.
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
