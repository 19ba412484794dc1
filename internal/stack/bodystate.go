package stack

import (
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
)

// bodyPhase is the phase of a body, and of its exchange, which ends once.
// Exchange.moveLocked is the only way along an edge, and bodyEdges lists them all.
//
//	            EOF, error; no body, refused, failed
//	bodyOpen ─────────────────────────────────────▶ bodyEnded
//	   │  ╲ Close under a Read that                   │
//	   │   ╲ net/http has go on                       │ Close
//	   │    ╰─────────────────────────▶ bodyLeft      ▼
//	   │ Close, or found by the collector         bodyClosed
//	   ▼               drained, or not worth it       ▲
//	bodyClosing ──────────────────────────────────────┤
//	   │ drained behind Close                         │
//	   ▼               Background.Close               │
//	bodyBackground ──────────────────▶ bodyBrokenOff ─┤
//	   │                                              │
//	   ╰──────────────────────────────────────────────╯
type bodyPhase uint8

const (
	// bodyOpen: the exchange goes on, and the caller may read.
	bodyOpen bodyPhase = iota
	// bodyEnded: the exchange is over, and the caller has not closed the body.
	bodyEnded
	// bodyClosing: the caller has closed the body, or dropped it, and the exchange goes on
	// until the rest is drained.
	bodyClosing
	// bodyBackground: the same, after Close has returned.
	bodyBackground
	// bodyBrokenOff: the same, and the drain was broken off by Background.Close.
	bodyBrokenOff
	// bodyLeft: closed and over, and net/http has a Read go on. The end.
	bodyLeft
	// bodyClosed: closed and over. The end.
	bodyClosed

	bodyPhases
)

func (p bodyPhase) String() string {
	return [...]string{"open", "ended", "closing", "background", "broken off", "left", "closed"}[p]
}

// closed: the body was closed or dropped. A Read returns closedError, and Close does nothing.
func (p bodyPhase) closed() bool { return p >= bodyClosing }

// over: the exchange has ended.
func (p bodyPhase) over() bool { return p == bodyEnded || p >= bodyLeft }

// ended is the phase that follows p when the exchange ends.
func (p bodyPhase) ended() bodyPhase {
	if p == bodyOpen {
		return bodyEnded
	}
	return bodyClosed
}

var bodyEdges = [bodyPhases][bodyPhases]bool{
	bodyOpen:       {bodyEnded: true, bodyClosing: true, bodyLeft: true},
	bodyEnded:      {bodyClosed: true},
	bodyClosing:    {bodyBackground: true, bodyClosed: true},
	bodyBackground: {bodyBrokenOff: true, bodyClosed: true},
	bodyBrokenOff:  {bodyClosed: true},
}

// moveLocked takes the body along an edge. The lock is body.mu.
func (x *Exchange) moveLocked(to bodyPhase) {
	if x.pipe.onEdge != nil {
		x.pipe.onEdge(x.body.phase, to)
	}
	x.body.phase = to
}

// endLocked ends the exchange. First reports whether it had not ended before. The lock is
// body.mu.
func (x *Exchange) endLocked() (got received, first bool) {
	if x.body.phase.over() {
		return got, false
	}
	x.moveLocked(x.body.phase.ended())
	return x.body.receivedLocked(), true
}

func (x *Exchange) ended() bool {
	x.body.mu.Lock()
	defer x.body.mu.Unlock()
	return x.body.phase.over()
}

// bodyState is everything that the end of a body needs: so the body can be ended when its
// Body is gone.
type bodyState struct {
	// The response of net/http's own transport. It is nil over any other base, whose body
	// may hold a Body of a stack further down.
	resp *http.Response

	gunzip *gunzip // nil unless the kit decompresses the body

	mu          lockorder.Mutex[lockorder.Body]
	readDone    chan struct{} // made by a goroutine that waits for the Read in the raw body
	read        int64
	readTime    time.Duration // the time of the Reads; only if a layer drains
	lastReadAt  time.Duration // from the exchange's start to the end of the last Read
	inRead      bool
	lengthKnown bool // the server has said how long it is
	phase       bodyPhase
	// canceled: the caller's context had ended when the body was closed. It is set before
	// the exchange ends, if at all.
	canceled bool
}

// received are the bytes that Reads have brought, and the times.
type received struct {
	bytes, onWire int64
	took, last    time.Duration // took: 0 if the Reads were not timed, or one goes on
}

// receivedLocked returns the bytes that Reads have brought, and the times.
func (b *bodyState) receivedLocked() received {
	got := received{bytes: b.read, last: b.lastReadAt}
	if !b.inRead && b.lengthKnown {
		got.onWire, got.took = b.onWire(), b.readTime
	}
	return got
}

// endReadLocked notes that the Read has left the raw body, and wakes the goroutines that
// wait for that.
func (b *bodyState) endReadLocked() {
	b.inRead = false
	if b.readDone != nil {
		close(b.readDone)
		b.readDone = nil
	}
}

// awaitReadLocked returns a channel that is closed when the Read has left the raw body.
func (b *bodyState) awaitReadLocked() chan struct{} {
	if b.readDone == nil {
		b.readDone = make(chan struct{})
	}
	return b.readDone
}

// onWire is how much of the body was read, in bytes on the wire. No Read may be in progress.
func (b *bodyState) onWire() int64 {
	if b.gunzip != nil {
		return b.gunzip.raw.n
	}
	return b.read
}
