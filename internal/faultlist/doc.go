// Package faultlist is the list of what may go wrong between a client and its server,
// and compares what becomes of a request then: with the kit, and with bare net/http.
//
// A Fault is one line of the list, in the tables of this package: a name, and a short
// script in Go of what the server does with a request, step by step: read it, say this,
// reset. A play sends four requests through a stack to a server of its own, one after the
// other: one that meets the fault on a new connection, one that is answered, one that meets
// the fault on a connection that was used, and one that is answered. What became of each is
// an outcome, a text that has all that the caller can see. A Runner compares the outcomes
// of stacks with those of bare net/http in the same run.
//
// net/http's own outcome is now and then a matter of who comes first: a reset that meets
// the next request, say. So a stack's outcome is looked for in the set of those that
// bare net/http has had; where it is not there, bare net/http plays again, many times,
// before it is a difference.
package faultlist
