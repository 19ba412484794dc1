package pool

import "github.com/warmconn/warmconn/internal/callsite"

// opened enters a body that is about to be handed out into Options.OpenBodies, if the stack of
// its request was taken. It must run on the goroutine of the RoundTrip, of which the
// profile takes the stack once more; that begins at the line that called for the request.
//
// What is entered is f, of which neither the body nor its response can be reached: what a
// profile holds is never dropped, and the collector would find no leak.
func (p *Pool) opened(f *inFlight) {
	if p.opts.OpenBodies == nil || f.stack == nil {
		return
	}
	var pcs [callsite.Depth]uintptr
	const add = 1 // the frame of Add itself
	p.opts.OpenBodies.Add(f, callsite.Within(callsite.Take(&pcs))+add)
}

// ended takes it out again.
func (p *Pool) ended(f *inFlight) {
	if p.opts.OpenBodies != nil && f.stack != nil {
		p.opts.OpenBodies.Remove(f)
	}
}
