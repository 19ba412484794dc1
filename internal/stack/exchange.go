// Package stack keeps what is known of one exchange, one RoundTrip of the
// base, for all adjacent layers of a stack: gathered once, by one derived
// context, one ClientTrace and one body.
//
// What holds what is the heart of it. There are two allocations. An Exchange,
// with the request that goes down and the hooks, is within reach of net/http
// and of contexts. A Body, with the copy of the response that the caller gets,
// is reachable from the caller alone: when the collector finds it, no code can read or
// close that body any more. An Exchange must therefore never point to a
// Body, of its own or of a stack further down, nor to a Stack.
//
// Where the kit owns the connections it needs neither the derived context nor most
// of the hooks: see acquireAndSend. Tried instead of that context elsewhere, and not
// taken: one of our own that can be cancelled saves no allocation over net/http's
// transport where the caller's can end, for net/http makes them up again. Over other
// bases the one of package context is made only if somebody looks for its end.
package stack

import (
	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/lockorder"
)

// Exchange is one exchange, in groups of fields that each have an owner. It is most of
// what a stack allocates for a request, so its size counts, and is pinned by a test: what
// few exchanges need is elsewhere.
type Exchange struct {
	pipe    *pipeline
	request request // the caller's
	nest    nesting // exchanges around this one, and inside of it
	layers  begun
	down    derived // what goes down

	// conn is the exchange's entry where connections are kept: one of the two that
	// follow. Observed is for a connection that is not the kit's own, entry for one that
	// is the kit's own.
	conn     connBook
	observed ledger.Entry
	entry    connpool.Entry

	body bodyState

	// mu guards what hooks and the end share, from net/http's goroutines and the
	// caller's: facts, wire, and what nesting says is under it. It is taken behind an
	// outer exchange's mu, and before body.mu, an inner exchange's, and a host's. Nothing
	// waits under it.
	mu    lockorder.Mutex[lockorder.Exchange]
	facts Facts
	wire  wire
}
