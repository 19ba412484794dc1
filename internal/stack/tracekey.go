package stack

import (
	"context"
	"net/http/httptrace"
)

// findTraceKey returns the key under which httptrace looks for hooks in a
// context. It is not exported, but whoever asks a context shows it. With it a
// exchangeCtx answers for the exchange's hooks, which saves WithClientTrace's
// allocation, and above Go 1.26's composition with the caller's hooks, by
// reflection. Nil if hooks are not looked for in that way, or not in that way
// alone.
func findTraceKey() any {
	p := traceProbe{Context: context.Background()}
	httptrace.ContextClientTrace(&p)
	p.trace = new(httptrace.ClientTrace)
	if p.key == nil || httptrace.ContextClientTrace(&p) != p.trace {
		return nil
	}
	return p.key
}

// traceProbe notes the key that it is asked for, until it has an answer to it.
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
