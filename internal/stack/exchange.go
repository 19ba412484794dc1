// Package stack runs one exchange, one RoundTrip of the base, for all adjacent layers of a
// stack, and gathers its facts once for all of them: by one derived context, one ClientTrace
// and one body.
//
// The heart of it is what holds what. There are two allocations:
//
//   - An Exchange, with the request that goes down and the hooks. Net/http and contexts can
//     reach it.
//   - A Body, with the copy of the response that the caller gets. Only the caller can reach
//     it: when the collector finds it, no code can read or close that body any more.
//
// So an Exchange must never point to a Body, of its own or of a stack further down, nor to a
// Stack.
//
// Where the kit owns the connections it needs neither the derived context nor most of the
// hooks: see acquireAndSend. Elsewhere the derived context is package context's, and is made
// only if its end is looked for. Tried instead, and not taken: a cancelable context of our
// own. Over net/http's transport it saves no allocation where the caller's context can end,
// for net/http derives one from it.
package stack

import (
	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/lockorder"
)

// Exchange is one exchange, in groups of fields that each have an owner. It is most of what a
// stack allocates for a request, so a test pins its size, and data that few exchanges need is
// elsewhere.
type Exchange struct {
	pipe    *pipeline
	request request // the caller's
	nest    nesting // exchanges around this one, and inside of it
	layers  begun
	down    derived // the request that goes down, and its context

	// conn is one of the two entries that follow: observed if the base's connections are
	// not the kit's own, entry if they are.
	conn     connBook
	observed ledger.Entry
	entry    connpool.Entry

	body bodyState

	// mu guards the fields that the hooks, on net/http's goroutines, share with the end, on
	// the caller's: facts, wire, and the fields of nesting that say so. It is taken after an
	// outer exchange's mu, and before body.mu, an inner exchange's mu, and a host's. No code
	// waits under it.
	mu    lockorder.Mutex[lockorder.Exchange]
	facts Facts
	wire  wire
}
