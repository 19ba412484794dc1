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
// and the budget allows it. The bound is a cancel of the leg's own context:
// closing a body under its Read is none (it waits for a gzip header, and
// deadlocks on some Gos).
func (l *leg) drain(orig *http.Response) (Outcome, drained) {
	b, ok := l.budget()
	if !ok {
		return OutcomeClosed, drained{}
	}
	return l.drainWithin(b, orig)
}

func (l *leg) drainWithin(b Budget, orig *http.Response) (Outcome, drained) {
	if why := l.hopeless(b, orig); why != "" {
		return OutcomeSkipped, drained{skipped: why}
	}
	began := time.Now()
	t := time.AfterFunc(b.Time, l.cancel)
	rest := io.LimitedReader{R: orig.Body, N: b.Bytes + 1}
	// The discarder has buffers of its own, pooled.
	n, err := io.Discard.(io.ReaderFrom).ReadFrom(&rest)
	inTime := t.Stop()
	d := drained{bytes: n, time: time.Since(began)}
	switch {
	case !inTime:
		// A cancelled read can look like an EOF, over TLS.
		return OutcomeTimedOut, d
	case err != nil && l.rec.parent.Err() != nil:
		return OutcomeCanceled, d
	case err != nil:
		return OutcomeFailed, d
	case rest.N == 0:
		return OutcomeGaveUp, d
	}
	return OutcomeDrained, d
}

// budget is the smallest of the stack's drain layers; not ok if it has none.
func (l *leg) budget() (b Budget, ok bool) {
	for _, p := range l.line.parts {
		if d, is := p.(Drainer); is {
			c := d.Budget(l.rec)
			if ok {
				c = b.min(c)
			}
			b, ok = c, true
		}
	}
	return b, ok
}

// hopeless says why draining this body can't bring its connection back, or
// would cost more than the budget; empty if it may.
func (l *leg) hopeless(b Budget, resp *http.Response) string {
	req := l.rec.orig
	switch {
	case b.Bytes <= 0 || b.Time <= 0:
		return "never"
	case resp.ProtoMajor >= 2:
		return "http2" // Close resets the stream; the connection lives
	case req.Method == http.MethodConnect:
		return "tunnel" // the body is the tunnel
	case req.Method == http.MethodHead, resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusNotModified:
		return "no_body"
	case resp.Close, l.rec.req.Close, hasToken(l.rec.req.Header["Connection"], "close"), l.rec.ledger.KeepAlivesOff():
		return "close" // the connection ends with this exchange; HTTP/1.0 is here too
	case resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && !resp.Uncompressed:
		return "close" // the body ends with the connection
	case isEventStream(resp.Header.Get("Content-Type")):
		return "event_stream"
	case resp.ContentLength >= 0 && resp.ContentLength-l.read > b.Bytes:
		return "too_large"
	}
	return ""
}

func isEventStream(contentType string) bool {
	const sse = "text/event-stream"
	return len(contentType) >= len(sse) && strings.EqualFold(contentType[:len(sse)], sse)
}

// leakBytes and leakTime bound the drain of a leaked body in a stack without a drain
// layer. Nobody waits for it.
const (
	leakBytes = 256 << 10
	leakTime  = 50 * time.Millisecond
)

// dropped is the collector's word that nobody can read or close the body any
// more. It runs on the runtime's own goroutine, so it only queues.
func dropped(l *leg) {
	l.mu.Lock()
	ended := l.ended
	l.mu.Unlock()
	if ended {
		// Only the context was left, for an upload that outlasted the response.
		l.cancel()
		return
	}
	l.line.reaper.add(l)
}

// reap ends a leaked exchange: its connection and slot come back.
func (l *leg) reap() {
	l.mu.Lock()
	ended := l.ended
	l.closed = true
	l.mu.Unlock()
	if ended {
		return
	}
	var d drained
	if l.raw != nil {
		b, drains := l.budget()
		if !drains {
			b = Budget{leakBytes, leakTime}
		}
		var out Outcome
		out, d = l.drainWithin(b, l.rec.Response())
		if out != OutcomeDrained {
			l.cancel()
		}
		l.raw.Close()
	}
	l.finishDrained(OutcomeLeaked, nil, d)
}
