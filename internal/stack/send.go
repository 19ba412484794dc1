package stack

import (
	"net/http"
	"net/http/httptrace"
)

// sendBy sends the request by a base that keeps its connections.
func (x *Exchange) sendBy(base http.RoundTripper) (*http.Response, error) {
	return base.RoundTrip(x.derive())
}

// acquireAndSend sends the request over a connection of the kit's own.
func (x *Exchange) acquireAndSend() (*http.Response, error) {
	known := x.request.target.owned.Load()
	if x.pipe.gzips != nil && !known.SpeaksHTTP2() {
		x.askGzip() // over HTTP/2 nothing is drained, and net/http may do it
	}
	x.entry.Owner, x.entry.Close = (*owner)(x), x.request.close
	x.pipe.owned.Enter(&x.entry, x.request.target.key, known)
	if h := x.entry.Host(); h != known {
		x.request.target.owned.Store(h)
	}
	x.publish()
	x.down.req = *x.request.orig
	if x.request.header != nil {
		x.down.req.Header = x.request.header
	}
	x.down.sent = true
	return x.entry.RoundTrip(x.request.ctx, &x.down.req, x.writingHooks())
}

// writingHooks tell when a request with a body was written, if the stack drains:
// reading to the end of a response before that takes net/http 50 ms. Else there are
// none of ours.
func (x *Exchange) writingHooks() *httptrace.ClientTrace {
	if !x.request.hasBody || !x.pipe.drains {
		x.wire.wrote = true
		return nil
	}
	t := new(httptrace.ClientTrace)
	if above := httptrace.ContextClientTrace(x.request.ctx); above != nil {
		*t = *above
		x.down.hooks = above
	}
	t.WroteRequest = x.wroteRequest
	return t
}
