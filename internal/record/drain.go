package record

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// maxPostCloseReadBytes is net/http's constant of that name: the most that it
// drains by itself, from Go 1.27 on.
const maxPostCloseReadBytes = 256 << 10

// drained is what came of a drain.
type drained struct {
	bytes   int64
	time    time.Duration
	skipped string // why none was tried
}

// drain reads what is left of the body if the stack drains, it can be of use,
// and the budget allows it. Closed says that it had to close the body.
func (r *Record) drain(orig *http.Response) (out Outcome, d drained, closed bool) {
	b, ok := r.budget()
	if !ok || r.closedAbove() {
		return OutcomeClosed, drained{}, false
	}
	return r.drainWithin(b, orig)
}

// drainWithin bounds the drain by a cancel of the record's own context. Closing
// a body under its Read is no bound for net/http's: it waits for a gzip header,
// and deadlocks on some Gos. For a base that ignores its context there is
// nothing else.
func (r *Record) drainWithin(b Budget, orig *http.Response) (out Outcome, d drained, closed bool) {
	if why := r.hopeless(b, orig); why != "" {
		return OutcomeSkipped, drained{skipped: why}, false
	}
	began := time.Now()
	t := time.AfterFunc(b.Time, r.cancel)
	var late *time.Timer
	var closing chan struct{}
	if !r.line.direct {
		closing = make(chan struct{})
		late = time.AfterFunc(b.Time+r.patience(), func() {
			defer close(closing)
			orig.Body.Close()
		})
	}
	rest := io.LimitedReader{R: orig.Body, N: b.Bytes + 1}
	// The discarder has buffers of its own, pooled.
	n, err := io.Discard.(io.ReaderFrom).ReadFrom(&rest)
	inTime := t.Stop()
	if late != nil && !late.Stop() {
		<-closing
		closed = true
	}
	d = drained{bytes: n, time: time.Since(began)}
	switch {
	case !inTime:
		// A cancelled read can look like an EOF, over TLS.
		return OutcomeTimedOut, d, closed
	case err != nil && r.interrupted(err, time.Now()) != "":
		return OutcomeCanceled, d, closed
	case err != nil:
		return OutcomeFailed, d, closed
	case rest.N == 0:
		return OutcomeGaveUp, d, closed
	}
	return OutcomeDrained, d, closed
}

// budget is the smallest of the stack's drain layers, those below somebody
// else's middleware included; not ok if it has none of its own.
func (r *Record) budget() (b Budget, ok bool) {
	for _, p := range r.line.parts {
		if d, is := p.(Drainer); is {
			c := d.Budget(r)
			if ok {
				c = b.min(c)
			}
			b, ok = c, true
		}
	}
	r.mu.Lock()
	in := r.inner
	r.mu.Unlock()
	if ok && in != nil && in.same && !in.ended() {
		if c, drains := in.budget(); drains {
			b = b.min(c)
		}
	}
	return b, ok
}

// hopeless says why draining this body can't bring its connection back, or
// would cost more than the budget; empty if it may.
func (r *Record) hopeless(b Budget, resp *http.Response) string {
	switch {
	case b.Bytes <= 0 || b.Time <= 0:
		return "never"
	case resp.ProtoMajor >= 2:
		return "http2" // Close resets the stream; the connection lives
	case r.facts.Method == http.MethodConnect:
		return "tunnel" // the body is the tunnel
	case r.facts.Method == http.MethodHead, resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusNotModified:
		return "no_body"
	case resp.Close, r.answer.requested, r.close, r.line.ledger.KeepAlivesOff():
		return "close" // the connection ends with this exchange; HTTP/1.0 is here too
	case resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && !resp.Uncompressed:
		return "close" // the body ends with the connection
	case isEventStream(resp.Header.Get("Content-Type")):
		return "event_stream"
	case resp.ContentLength >= 0 && resp.ContentLength-r.body.read > b.Bytes:
		return "too_large"
	}
	return ""
}

func isEventStream(contentType string) bool {
	const sse = "text/event-stream"
	return len(contentType) >= len(sse) && strings.EqualFold(contentType[:len(sse)], sse)
}
