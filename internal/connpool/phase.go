package connpool

// phase is where an exchange stands at the Pool. Entry.moveLocked is the only way along an
// edge, and entryEdges lists them all.
//
//	           looks for one                given one
//	outside ─────────────────▶ waiting ───────────────────▶ given
//	  │ ▲                       │ │ ▲    can't be used, or    │ │
//	  │ │ by another Host:      │ │ │    is to be sent again  │ │
//	  │ ╰──── a proxy ──────────╯ │ ╰─────────────────────────╯ │
//	  │                           │                             │ End
//	  │ End                   End ▼                             ▼
//	  ╰────────────────────────▶ over ◀──────────────────── given ───▶ returned
type phase uint8

const (
	// outside: no host counts it.
	outside phase = iota
	// waiting: its host counts it, and it has no connection: at first, and between two
	// tries.
	waiting
	// given: it has a connection, on which its request is sent and its response read.
	given
	// over: it has ended, and its connection, if it had one, did not go back, or is
	// HTTP/2's. The end.
	over
	// returned: it has ended, and its connection went back. The end.
	returned

	phases
)

func (p phase) String() string {
	return [...]string{"outside", "waiting", "given", "over", "returned"}[p]
}

// counted: its host counts the exchange among those in flight.
func (p phase) counted() bool { return p == waiting || p == given }

// ended: End was called.
func (p phase) ended() bool { return p >= over }

var entryEdges = [phases][phases]bool{
	outside: {waiting: true, over: true},
	waiting: {outside: true, given: true, over: true},
	given:   {waiting: true, over: true, returned: true},
}

// moveLocked takes the exchange along an edge. Its host is what is locked.
func (e *Entry) moveLocked(to phase) {
	if e.pool.onEntryEdge != nil {
		e.pool.onEntryEdge(e.phase, to)
	}
	e.phase = to
}

// giveLocked gives the exchange c, and takeBackLocked takes what it has.
func (e *Entry) giveLocked(c *Conn) {
	e.moveLocked(given)
	e.conn = c
}

func (e *Entry) takeBackLocked() {
	e.moveLocked(waiting)
	e.conn = nil
}
