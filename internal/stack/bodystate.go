package stack

import (
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
)

// bodyPhase is where a body stands, and with it the exchange, which ends once.
// Exchange.moveLocked is the only way along an edge, and bodyEdges lists them all.
//
//	            EOF, error; no body, refused, failed
//	bodyOpen ─────────────────────────────────────▶ bodyEnded
//	   │  ╲ Close under a Read that                   │
//	   │   ╲ net/http lets go on                      │ Close
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
	// bodyClosing: the body is closed for the caller, or lost, and the exchange goes on
	// until the rest is drained.
	bodyClosing
	// bodyBackground: the same behind Close's return.
	bodyBackground
	// bodyBrokenOff: the same, and it ends before its time.
	bodyBrokenOff
	// bodyLeft: closed and over, and net/http lets a Read go on. The end.
	bodyLeft
	// bodyClosed: closed and over. The end.
	bodyClosed

	bodyPhases
)

func (p bodyPhase) String() string {
	return [...]string{"open", "ended", "closing", "background", "broken off", "left", "closed"}[p]
}

// closed: a Read returns ErrBodyReadAfterClose, and Close does nothing.
func (p bodyPhase) closed() bool { return p >= bodyClosing }

// over: the exchange has ended.
func (p bodyPhase) over() bool { return p == bodyEnded || p >= bodyLeft }

// ended is the phase behind p when the exchange ends.
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

// moveLocked takes the body along an edge. body.mu is what is locked.
func (x *Exchange) moveLocked(to bodyPhase) {
	if x.pipe.onEdge != nil {
		x.pipe.onEdge(x.body.phase, to)
	}
	x.body.phase = to
}

// endLocked ends the exchange, and reports whether it had not ended before. body.mu is
// what is locked.
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

// bodyState is all that the end of a body needs, so that it can end when the
// Body is gone.
type bodyState struct {
	// The response of net/http's own transport, nil over any other base: its
	// body may hold a Body of a stack further down.
	resp *http.Response

	gunzip *gunzip // nil if the transport decompresses, or nobody

	mu          lockorder.Mutex[lockorder.Body]
	readDone    chan struct{} // made by who waits for the Read that is in the raw body
	read        int64
	readTime    time.Duration // that the Reads took, if anybody asks
	lastReadAt  time.Duration // from the exchange's start to the end of the last Read
	inRead      bool
	lengthKnown bool // the server said how long it is
	phase       bodyPhase
	// canceled: the caller's context had ended when it was closed. It is set before the
	// exchange ends, if ever.
	canceled bool
}

// received is what Reads have brought.
type received struct {
	bytes, onWire int64
	took, last    time.Duration // took: 0 if it says nothing
}

// receivedLocked is what Reads have brought.
func (b *bodyState) receivedLocked() received {
	got := received{bytes: b.read, last: b.lastReadAt}
	if !b.inRead && b.lengthKnown {
		got.onWire, got.took = b.onWire(), b.readTime
	}
	return got
}

// endReadLocked lets go who waits for the Read that has left the raw body.
func (b *bodyState) endReadLocked() {
	b.inRead = false
	if b.readDone != nil {
		close(b.readDone)
		b.readDone = nil
	}
}

// awaitReadLocked returns what is closed when the Read has left the raw body.
func (b *bodyState) awaitReadLocked() chan struct{} {
	if b.readDone == nil {
		b.readDone = make(chan struct{})
	}
	return b.readDone
}

// onWire is how much of the body has been read, in bytes on the wire. No Read
// may be in progress.
func (b *bodyState) onWire() int64 {
	if b.gunzip != nil {
		return b.gunzip.raw.n
	}
	return b.read
}
