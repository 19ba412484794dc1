package stack

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
