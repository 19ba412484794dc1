package stack

import (
	"net/http"
	"runtime"
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// pipeline is the part of a stack that exchanges need. Net/http's connections can reach an
// exchange, so a pipeline must hold neither a Stack nor a base: else a dropped stack could not
// be collected while a connection is open.
type pipeline struct {
	layers   []Layer // outermost first
	begin    []beginner
	end      []ender // by phase
	listen   []uint8 // indexes of the layers that listen
	emitters []uint8 // indexes of the Emitters
	ledger   *ledger.Ledger
	owned    *connpool.Pool // keeps the connections of the base; nil: the kit does not own them
	reaper   *reaper
	// traceKey is the key by which httptrace looks for hooks in a context; nil if unknown.
	traceKey any
	// overNetHTTP: the base is net/http's transport itself. Then bodies are net/http's,
	// hooks are called, and the end of a context ends Reads.
	overNetHTTP bool
	// underRead: in addition, net/http's own drain allows a Close during a Read.
	underRead bool
	// ownsHeader: the request that goes down is seen by an *http.Transport alone.
	ownsHeader         bool
	drains             bool // a layer drains
	drainsInBackground bool // drains may go on after Close
	// onlyObserves: no layer waits or drains. Then the exchanges below, of a stack that does,
	// tell of the connections.
	onlyObserves bool
	gzips        *gzips
	repeated     atomic.Uint64 // a bit for each layer that stands below the base, too: see Exchange.RepeatedBelow
	targets      cache.Map[ledger.Key, *Target]
	onEdge       func(from, to bodyPhase) // for tests; called with body.mu locked
	buffers      buffers
}

// beginner and ender are a layer with its index in pipeline.layers.
type (
	beginner struct {
		at uint8
		Beginner
	}
	ender struct {
		at uint8
		Ender
	}
)

// New puts part, a layer, over next. A layer that is in the stack already is not put there
// again. A nil next is http.DefaultTransport.
func New(next http.RoundTripper, part Layer) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	below, _ := next.(*Stack)
	if below != nil && below.pipe.has(part) {
		return below
	}
	t := Base{Base: next}
	if below != nil {
		t = Base{Base: below.base, Ledger: below.pipe.ledger, Owned: below.pipe.owned, Keep: below.keep}
	} else {
		t.Ledger = ledger.New(chain.Bottom(next))
	}
	if tuner, ok := part.(BaseReplacer); ok {
		tuned := tuner.ReplaceBase(t)
		if tuned.Replaced {
			next = rebase(next, tuned)
		}
		t = tuned
	}
	return build(next, part, t)
}

// rebase builds the kit layers of next again over another base.
func rebase(next http.RoundTripper, t Base) http.RoundTripper {
	s, ok := next.(*Stack)
	if !ok {
		return t.Base
	}
	return build(rebase(s.next, t), s.layer, t)
}

func build(next http.RoundTripper, part Layer, t Base) *Stack {
	l := &pipeline{layers: []Layer{part}, ledger: t.Ledger, owned: t.Owned, reaper: new(reaper), traceKey: findTraceKey()}
	if below, ok := next.(*Stack); ok {
		l.layers = append(l.layers, below.pipe.layers...)
		l.reaper = below.pipe.reaper
	}
	for p := range phases {
		for i, part := range l.layers {
			if e, ok := part.(Ender); ok && part.Phase() == p {
				l.end = append(l.end, ender{uint8(i), e})
			}
		}
	}
	for i, part := range l.layers {
		if b, ok := part.(Beginner); ok {
			l.begin = append(l.begin, beginner{uint8(i), b})
		}
		if _, ok := part.(Emitter); ok {
			l.emitters = append(l.emitters, uint8(i))
		}
	}
	tr, ok := t.Base.(*http.Transport)
	l.ownsHeader = ok
	l.overNetHTTP = ok && !chain.Registered(tr)
	if !l.overNetHTTP {
		l.findRepeated(t.Base)
	}
	for i, part := range l.layers {
		if p, ok := part.(Listener); ok && p.Listens(!l.overNetHTTP) {
			l.listen = append(l.listen, uint8(i))
		}
	}
	l.underRead = l.overNetHTTP && nativeDrain && closesUnderRead(runtime.Version())
	for _, part := range l.layers {
		d, ok := part.(Drainer)
		l.drains = l.drains || ok && d.Drains()
	}
	for _, part := range l.layers {
		if b, ok := part.(LedgerUser); ok {
			b.UseLedger(t.Ledger)
		}
	}
	l.drainsInBackground = l.background() != nil
	l.onlyObserves = true
	for _, part := range l.layers {
		l.onlyObserves = l.onlyObserves && part.Phase() != Slot
	}
	if l.overNetHTTP && l.drains {
		l.gzips = newGzips(tr)
	}
	return &Stack{layer: part, next: next, base: t.Base, keep: t.Keep, why: t.Why, pipe: l}
}

func (l *pipeline) has(p Layer) bool {
	for _, x := range l.layers {
		if x == p {
			return true
		}
	}
	return false
}

// background are the Backgrounds in which the stack's drains go on: a drain needs room in
// that of each drain layer. There are none if Close has to wait for the drains of one layer.
func (l *pipeline) background() (all []*Background) {
	for _, p := range l.layers {
		if d, ok := p.(Drainer); ok {
			b := d.Background()
			if b == nil {
				return nil
			}
			all = append(all, b)
		}
	}
	return all
}

// findRepeated looks for the stack's layers below base, as far as the RoundTrippers there can
// be looked through.
func (l *pipeline) findRepeated(base http.RoundTripper) {
	chain.Walk(base, func(rt http.RoundTripper) bool {
		if s, ok := rt.(*Stack); ok {
			l.noteRepeated(s.pipe)
		}
		return true
	})
}

// noteRepeated notes which of the layers are in below, too.
func (l *pipeline) noteRepeated(below *pipeline) {
	var m uint64
	for i, p := range l.layers {
		if below.has(p) {
			m |= bit(i)
		}
	}
	if l.repeated.Load()&m != m {
		l.repeated.Or(m)
	}
}

func bit(i int) uint64 { return 1 << i } // 0 beyond 63: of such a layer it is not known
