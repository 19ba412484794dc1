package roundtripper_test

import "testing"

// FuzzExchange plays programs against the kit: random interleavings of Read,
// Close, cancel, collections, resets by the server and CloseIdleConnections
// over a few exchanges of one stack, on real sockets. A model tells how each
// exchange may end. At the end of a program every observer has heard of every
// exchange once, no slot is in use, and every connection is closed, or is idle and
// can be used again.
//
// The first byte of an input is the stack, see newPlay. Each byte after it is a step:
//
//   - four bits for the kind of step;
//   - two bits for the exchange;
//   - two bits for a detail.
//
// A start has another byte for the kind of body.
func FuzzExchange(f *testing.F) {
	stages := newStages(f)
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) == 0 {
			return
		}
		p := newPlay(t, stages, program[0])
		defer p.watch(program).Stop()
		p.run(program[1:])
		p.curtain()
		p.check()
	})
}

// The kinds of steps.
const (
	stepStart          = iota // an exchange, with the next byte
	stepStartToo              // twice in this list, or programs would have few exchanges
	stepRead                  // a few bytes
	stepReadMuch              // up to 12 KB
	stepReadAll               // to EOF
	stepClose                 // and wait for it
	stepCancel                // the caller's context
	stepDrop                  // forget the response
	stepCollect               // run the collector
	stepReset                 // the server resets the connection
	stepEnd                   // the server closes it
	stepSweep                 // CloseIdleConnections
	stepGoOn                  // a response or an upload that hangs goes on
	stepReadAside             // to EOF, in another goroutine
	stepCloseAside            // in another goroutine
	stepCancelAndClose        // both at once
)
