package ledger

// phase is how far an exchange has come with its connection, as far as hooks tell.
// Entry.moveLocked is the only function that takes an edge, and entryEdges lists them all.
// That the exchange has ended is no phase: PutIdleConn may be called before or after that.
//
//	        GetConn           GotConn            PutIdleConn
//	begun ──────────▶ asking ─────────▶ holding ─────────────▶ returned
//	  ▲                │  ▲               │  │                    │
//	  ╰─── its end ────╯  ╰─── GetConn ───┤  ╰────▶ refused ──────┤
//	                           again      ╰───────────────────────╯
//
// The picture has the edges of one request. The table has more, for two cases:
//
//   - over HTTP/2 net/http may give a request another connection without a GetConn;
//   - a middleware below may send several requests with the exchange's hooks in their
//     context. Then one request's GotConn or PutIdleConn may follow another's GetConn, or
//     none, and which request is the exchange's own does not show: the last hook holds.
type phase uint8

const (
	// begun: it has not asked for a connection, or ended before it was given one.
	begun phase = iota
	// asking: net/http looks for a connection, or dials one.
	asking
	// holding: it was given one.
	holding
	// returned: net/http has taken it back.
	returned
	// refused: it was to be put back, and net/http did not keep it.
	refused

	phases
)

func (p phase) String() string {
	return [...]string{"begun", "asking", "holding", "returned", "refused"}[p]
}

var entryEdges = [phases][phases]bool{
	begun:    {asking: true, holding: true, returned: true, refused: true},
	asking:   {asking: true, holding: true, returned: true, refused: true, begun: true},
	holding:  {asking: true, holding: true, returned: true, refused: true},
	returned: {asking: true, holding: true, returned: true, refused: true},
	refused:  {asking: true, holding: true, returned: true, refused: true},
}

// moveLocked takes the exchange along an edge, and keeps its host's count of asking ones.
func (e *Entry) moveLocked(to phase) {
	h := e.host
	if h.ledger.onEdge != nil {
		h.ledger.onEdge(e.phase, to)
	}
	if e.phase == asking {
		h.asking--
	}
	if e.phase, e.refused = to, None; to == asking {
		h.asking++
	}
}
