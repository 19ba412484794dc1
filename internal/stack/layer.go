package stack

import (
	"net/http"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Layer is one layer of the kit, in all exchanges of all its stacks. It must be comparable,
// and must not hold a Stack: connections can reach an exchange, and everything that an
// exchange can reach.
//
// The interfaces below are for layers with more to do.
type Layer interface {
	// Phase says where in the order of Ends this layer stands.
	Phase() Phase
	// Describe is the layer's line in roundtripper.Describe, in a stack whose
	// connections are w.
	Describe(w ledger.Watch) string
}

// Phase orders the Ends of an exchange's layers, wherever these stand. The body is drained
// before all of them; then slots are given back, then spans end, then observers are told.
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
	// Listens is false for a layer that need not be told. Foreign says that the base of the stack is
	// not net/http's own transport: see Exchange.Foreign.
	Listens(foreign bool) bool
	// Answered runs once if there is a response, before the caller has it and
	// before End. It must not block, and must not keep the response, which is
	// the base's own. State is what Begin has returned.
	Answered(x *Exchange, state any, resp *http.Response)
}

// CulpritSource is a Layer that knows the maker of an exchange: its line, or its span.
type CulpritSource interface {
	Layer
	// AddCulprit adds its knowledge to c. State is what Begin has returned. It must neither
	// block nor call the Exchange.
	AddCulprit(state any, c *ledger.Culprit)
}

// Watched is a Layer whose exchanges a test, or a page, can watch.
type Watched interface {
	Layer
	// Watch has w told of the exchanges that begin from now on, until stop is called.
	Watch(w *Watcher) (stop func())
}

// Watcher is told of exchanges. Its funcs must be safe for concurrent use, and must not
// block.
type Watcher struct {
	// Began runs when the Layer's Begin has let an exchange pass. Callers is the stack of
	// the goroutine that makes it, taken of each exchange for that, and must not be changed.
	// Nil is not called, and takes no stack.
	Began func(x *Exchange, callers []uintptr)
	// Ended runs at its end, also for exchanges that began before Watch. F are its
	// facts, and callers is nil where the stack was not taken; neither must be changed.
	Ended func(x *Exchange, f *Facts, callers []uintptr)
}

// OwnedDescriber is a Layer that has more to say in Describe where the kit owns its stack's
// connections.
type OwnedDescriber interface {
	Layer
	// DescribeOwned is the text to follow Describe's line.
	DescribeOwned(conns *connpool.Pool) string
}

// LedgerUser is a Layer that wants to know its stacks' ledgers.
type LedgerUser interface {
	Layer
	// UseLedger is called when a stack is built, and again for each layer that is put over
	// it. The layer must hold the ledger weakly.
	UseLedger(l *ledger.Ledger)
}

// BaseReplacer is a Layer that owns the connections of a stack's base, or replaces it.
type BaseReplacer interface {
	Layer
	// ReplaceBase is called when a stack is built. T is the base of the layers below, and
	// the result the base for this layer, too.
	ReplaceBase(t Base) Base
}

// Base is a base and the ledger that belongs to it.
type Base struct {
	Base   http.RoundTripper
	Ledger *ledger.Ledger
	// Owned keeps the connections of Base; nil if the kit does not own them.
	Owned *connpool.Pool
	// Keep is held by the stack, and by each body that it hands out, but by nothing that a
	// connection can reach.
	Keep any
	// Why says why the kit does not own Base's connections. Stack.String adds it to the
	// BaseReplacer's own line.
	Why string
	// Replaced: Base is another one than before, and the layers below are built again over
	// it.
	Replaced bool
}
