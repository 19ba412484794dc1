package stack

import (
	"io"
	"net/http"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// respond makes the response that the caller gets of the one that the base
// gave. It is a copy: net/http may still read its own, and keeps it reachable.
func (x *Exchange) respond(s *Stack, resp *http.Response) *http.Response {
	x.mu.Lock()
	x.facts.Status, x.facts.Proto = resp.StatusCode, resp.Proto
	x.facts.Answered = time.Since(x.facts.Start)
	x.wire.length, x.wire.major, x.wire.respCloses = resp.ContentLength, uint8(min(resp.ProtoMajor, 9)), resp.Close
	switch q := resp.Request; {
	case q == nil:
	case x.down.owned, q == &x.down.req && x.pipe.ownsHeader:
		x.wire.reqCloses = x.request.close
	default: // a middleware below may have changed even ours
		x.wire.reqCloses = saysClose(q)
	}
	x.mu.Unlock()
	switch v := resp.Header["Keep-Alive"]; {
	case !x.down.owned:
		if resp.ProtoMajor >= 2 {
			x.observed.Share()
		}
	case resp.ProtoMajor == 1:
		if v != nil {
			x.entry.KeepAlive(keepAliveTimeout(v))
		}
		if resp.Close && !x.wire.reqCloses && !x.request.close {
			x.entry.Announced()
		}
	}

	x.answered(resp)
	b := &Body{resp: *resp, orig: resp, exchange: x, stack: s}
	b.resp.Request = x.ownRequest(resp.Request)
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		// The connection is the caller's now, and the HTTP exchange is over.
		// Its body stays exactly what it is.
		x.finish(OutcomeUpgraded, nil, nil)
	case noBody(resp):
		x.finish(OutcomeNone, nil, nil)
	default:
		x.body.lengthKnown = resp.ContentLength >= 0
		x.gunzip(&b.resp)
		b.resp.Body = b
		if x.request.orig.Method == http.MethodConnect {
			if _, ok := resp.Body.(io.Writer); ok {
				b.resp.Body = tunnelBody{b} // the base gave both directions of the tunnel
			}
		}
		if x.pipe.overNetHTTP {
			x.body.resp = resp
		}
		b.sentinel.Store(x.pipe.reaper.watch(x))
	}
	runtime.KeepAlive(s)
	return &b.resp
}

// ownRequest turns the request of the base's response into the caller's, or into one
// whose context is: what hangs on a context of ours ends with the exchange, and is
// taken for a part of it. Over HTTP/2 net/http gives a copy of what we sent.
func (x *Exchange) ownRequest(q *http.Request) *http.Request {
	if q != nil && x.pipe.overNetHTTP {
		return x.request.orig
	}
	return x.outside(q, maxChain)
}

// noBody reports whether there is nothing to read, close or wrap.
func noBody(resp *http.Response) bool {
	return resp.Body == nil || resp.Body == http.NoBody ||
		resp.ProtoMajor >= 2 && isHTTP2NoBody(resp.Body)
}

// isHTTP2NoBody knows what HTTP/2 has in the place of http.NoBody: net/http's
// own up to Go 1.26, and golang.org/x/net's. Neither has a public name. Who
// leaves a 204 unclosed loses nothing by it, and must not hold a slot.
func isHTTP2NoBody(body io.ReadCloser) bool {
	switch reflect.TypeOf(body).String() {
	case "http.http2noBodyReader", "http2.noBodyReader":
		return true
	}
	return false
}

// keepAliveTimeout reads "timeout=5, max=100", as servers send it with HTTP/1: 0
// if it says nothing of a time. RFC 2068, section 19.7.1.1, and its users since.
func keepAliveTimeout(values []string) time.Duration {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
			if !ok || !strings.EqualFold(strings.TrimSpace(name), "timeout") {
				continue
			}
			// More than an hour is more than anybody keeps one.
			if n, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 32); err == nil {
				return time.Duration(min(n, 3600)) * time.Second
			}
		}
	}
	return 0
}
