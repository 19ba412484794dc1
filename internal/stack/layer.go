package stack

import (
	"net/http"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Layer is what one layer of the kit does in an exchange. A layer is shared by
// all exchanges of all its stacks, must be comparable, and must not hold a
// Stack: what an exchange reaches, a connection can reach.
type Layer interface {
	// Phase says where in the order of Ends this layer stands.
	Phase() Phase
	// Describe is the layer's line in roundtripper.Describe, in a stack whose
	// connections are w.
	Describe(w ledger.Watch) string
}

// Phase orders the end of an exchange, wherever the layers stand: the body is
// drained first, then slots are given back, then spans end, then observers
// are told.
type Phase uint8

const (
	Slot Phase = iota
	Span
	Observe
	phases
)

// Beginner is a Layer with something to do on the way down.
type Beginner interface {
	Layer
	// Begin runs on the way down, outermost layer first. It may wait, as long
	// as x.Context() lasts. An error refuses the request: it is what the
	// caller sees, and the layers above are ended. State comes back in End.
	Begin(x *Exchange) (state any, err error)
}

// Ender is a Layer with something to do at the end.
type Ender interface {
	Layer
	// End runs once for each exchange that this layer has not refused, nor one above:
	// when the response body has ended, or when there is none, or when RoundTrip fails.
	// It must not block. The facts f do not change any more, and must not be changed.
	End(x *Exchange, state any, f *Facts)
}

// Listener is a Layer that is told when the response has come.
type Listener interface {
	Layer
	// Listens is false for one that need not be told.
	Listens() bool
	// Answered runs once if there is a response, before the caller has it and
	// before End. It must not block, and must not keep the response, which is
	// the base's own. State is what Begin has returned.
	Answered(x *Exchange, state any, resp *http.Response)
}

// CulpritSource is a Layer that knows who makes an exchange.
type CulpritSource interface {
	Layer
	// AddCulprit writes down what it knows. State is what Begin has returned. It must
	// neither block nor ask the Exchange for anything.
	AddCulprit(state any, c *ledger.Culprit)
}

// Watched is a Layer whose exchanges a test can watch.
type Watched interface {
	Layer
	// Watch has w told of the exchanges that begin from now on, until stop is called.
	Watch(w *Watcher) (stop func())
}

// Watcher is told of exchanges. Its funcs must be safe for concurrent use, and must not
// block.
type Watcher struct {
	// Began runs when the Layer's Begin has let an exchange pass. Callers is the stack of
	// whoever makes it, and must not be changed.
	Began func(x *Exchange, callers []uintptr)
	// Ended runs at its end, also for exchanges that began before Watch.
	Ended func(x *Exchange)
}

// OwnedDescriber is a Layer that has more to describe where its stack's connections are the
// kit's own.
type OwnedDescriber interface {
	Layer
	// DescribeOwned is what follows Describe's line.
	DescribeOwned(conns *connpool.Pool) string
}

// LedgerUser is a Layer that wants to know its stacks' ledgers.
type LedgerUser interface {
	Layer
	// UseLedger is called when a stack is built: more than once if others come upon
	// it. It must hold the ledger weakly.
	UseLedger(l *ledger.Ledger)
}

// BaseReplacer is a Layer that owns the connections of a stack's base, or replaces it.
type BaseReplacer interface {
	Layer
	// ReplaceBase is called when a stack is built, with what the layers below have.
	// What it returns says what came of it.
	ReplaceBase(t Base) Base
}

// Base is a base and the ledger that belongs to it.
type Base struct {
	Base   http.RoundTripper
	Ledger *ledger.Ledger
	// Owned keeps the connections of Base; nil if somebody else does.
	Owned *connpool.Pool
	// Keep is held by the stack, and by each body that it hands out, but never
	// by what a connection can reach.
	Keep any
	// Why says why Base is not the kit's still. Stack.String adds it to what the
	// BaseReplacer says of itself.
	Why string
	// Replaced says that Base is another one than before: the layers below are
	// built again over it.
	Replaced bool
}
