package ledger

// phase is where an exchange stands with its connection, as far as hooks tell.
// Entry.moveLocked is the only way along an edge, and entryEdges lists them all. That the
// exchange has ended is no phase: PutIdleConn may come before that, or after it.
//
//	        GetConn           GotConn            PutIdleConn
//	begun ──────────▶ asking ─────────▶ holding ─────────────▶ returned
//	  ▲                │  ▲               │  │                    │
//	  ╰─── its end ────╯  ╰─── GetConn ───┤  ╰────▶ refused ──────┤
//	                           again      ╰───────────────────────╯
//
// The picture has a request's own. Net/http gives it another connection over HTTP/2
// without a GetConn. Where middleware stands between, several requests may have its hooks:
// one's GotConn or PutIdleConn comes behind another one's GetConn, or none, and which is
// the exchange's own does not show. Then the last that was told holds.
type phase uint8

const (
	// begun: it has asked for no connection, or its end has come first.
	begun phase = iota
	// asking: net/http looks for a connection, or dials one.
	asking
	// holding: it was given one.
	holding
	// returned: net/http has taken one back.
	returned
	// refused: one was to be put back, and net/http did not keep it.
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

// moveLocked takes the exchange along an edge, and its host's count of those that ask.
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
