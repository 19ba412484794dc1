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

// respond makes the response that the caller gets from the base's. It is a copy: net/http may
// still read its own, and can reach it.
func (x *Exchange) respond(s *Stack, resp *http.Response) *http.Response {
	x.mu.Lock()
	x.facts.Status, x.facts.Proto = resp.StatusCode, resp.Proto
	x.facts.Answered = time.Since(x.facts.Start)
	x.wire.length, x.wire.major, x.wire.respCloses = resp.ContentLength, uint8(min(resp.ProtoMajor, 9)), resp.Close // #nosec G115 -- 9 at most, and net/http parses no sign
	switch q := resp.Request; {
	case q == nil:
	case x.down.owned, q == &x.down.req && x.pipe.ownsHeader:
		x.wire.reqCloses = x.request.close
	default: // a middleware below may have changed the request, even the kit's own
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

	if len(x.pipe.listen) > 0 {
		x.answered(resp)
	}
	b := &Body{resp: *resp, orig: resp, exchange: x, stack: s}
	b.resp.Request = x.ownRequest(resp.Request)
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		// The caller owns the connection now, and the HTTP exchange is over. The body
		// stays exactly as it is.
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

// ownRequest replaces the request of the base's response by the caller's own request, or by
// one with the caller's context. With a context of the kit's, code that derives from it would
// end with the exchange, and requests that it makes would be taken for parts of the exchange.
// Over HTTP/2 net/http's response has a copy of the request that went down.
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

// isHTTP2NoBody knows the bodies that HTTP/2 has in the place of http.NoBody: net/http's own
// up to Go 1.26, and golang.org/x/net's. Neither has a public name. A program that does not
// close the body of a 204 loses nothing with bare net/http, and must not hold a slot here.
func isHTTP2NoBody(body io.ReadCloser) bool {
	switch reflect.TypeOf(body).String() {
	case "http.http2noBodyReader", "http2.noBodyReader":
		return true
	}
	return false
}

// announcedMost is the longest time that is believed of a Keep-Alive header: a longer one makes
// no difference.
const announcedMost = time.Hour

// keepAliveTimeout is the timeout in a Keep-Alive header like "timeout=5, max=100", as servers
// send it with HTTP/1 (RFC 2068, section 19.7.1.1, and servers since); 0 if there is none.
func keepAliveTimeout(values []string) time.Duration {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
			if !ok || !strings.EqualFold(strings.TrimSpace(name), "timeout") {
				continue
			}
			if n, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 32); err == nil {
				return min(time.Duration(n)*time.Second, announcedMost)
			}
		}
	}
	return 0
}
