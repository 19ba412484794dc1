package stack

import (
	"context"
	"net/http/httptrace"
)

// findTraceKey returns the key under which httptrace looks for hooks in a context. It is not
// exported, but the context that is asked sees it. By that key an exchangeCtx returns the
// exchange's hooks. That saves WithClientTrace's allocation, and Go 1.26's composition of the
// hooks with the caller's, which is done by reflection. The key is nil if httptrace does not
// look for hooks in that way, or not in that way alone.
func findTraceKey() any {
	p := traceProbe{Context: context.Background()}
	httptrace.ContextClientTrace(&p)
	p.trace = new(httptrace.ClientTrace)
	if p.key == nil || httptrace.ContextClientTrace(&p) != p.trace {
		return nil
	}
	return p.key
}

// traceProbe notes the key that it is asked for. Once trace is set, it answers to that key.
type traceProbe struct {
	context.Context
	key   any
	trace *httptrace.ClientTrace
}

func (p *traceProbe) Value(key any) any {
	switch {
	case p.trace == nil:
		p.key = key
	case key == p.key:
		return p.trace
	}
	return nil
}
