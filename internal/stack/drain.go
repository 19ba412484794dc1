package stack

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// The most that net/http drains by itself, from Go 1.27 on: its constants
// maxPostCloseReadBytes and maxPostCloseReadTime.
const (
	maxPostCloseReadBytes = 256 << 10
	NativeDrainTime       = 50 * time.Millisecond
)

// drainWithin reads what is left of the body if that can be of use and the
// budget allows it. Closed says that it had to close the body. It is bound by a
// cancel of the exchange's own context: closing a body under its Read is no bound
// for net/http's, which waits for a gzip header and deadlocks on some Gos. For a
// base that ignores its context there is nothing else.
func (x *Exchange) drainWithin(b Budget, orig *http.Response) (out Outcome, d *Drain, closed bool) {
	if x.interrupted(nil, time.Now()) != ledger.None {
		return OutcomeCanceled, &Drain{Cost: b.Cost}, false // the connection goes with it, and that is no sign of the host's bodies
	}
	if why := x.hopeless(orig); why != "" {
		return OutcomeSkipped, &Drain{Skipped: why}, false
	}
	left := x.left(orig)
	if !b.none() && left > b.Bytes {
		return OutcomeSkipped, &Drain{Skipped: "too_large", Cost: b.Cost}, false
	}
	if b.none() {
		return x.notDrained(b, orig, left)
	}
	if !x.waitWritten(b.Time) {
		// Net/http gives a request 50 ms to be written once its response has
		// ended, in the Read that has the end, and heeds no context meanwhile.
		return OutcomeSkipped, &Drain{Skipped: "early_response", Cost: b.Cost}, false
	}
	below := x.ownBelow() // before they end
	native := b.LeaveToNetHTTP && x.drainsNatively(orig)
	t := x.startDrainTimer(b.Time, orig, native)
	began := time.Now()
	n, err := x.discard(orig.Body, b, t)
	took := time.Since(began)
	inTime, closed := t.stop()
	d = &Drain{Bytes: n, Time: took, Cost: b.Cost}
	// Over TLS a cancelled read can look like the end. But net/http's own
	// goroutine may start the clock at the end, and it run out before we do.
	put, refused := x.conn.Returned()
	whole := err == io.EOF && (inTime || put || refused != ledger.None)
	if left >= 0 {
		x.conn.Read(n, took)
	}
	switch {
	case whole:
		out = OutcomeDrained
	case x.wasBrokenOff():
		return OutcomeTimedOut, d, closed
	case !inTime, err == errTimeSpent:
		out = OutcomeTimedOut
		d.left = native && inTime
	case err == errBytesSpent:
		out = OutcomeGaveUp
	case x.interrupted(err, time.Now()) != ledger.None:
		return OutcomeCanceled, d, closed
	default:
		return OutcomeFailed, d, closed
	}
	// What the program has broken off says nothing of the host's bodies.
	x.conn.Drained(took, b.Cost, whole, left < 0)
	for _, in := range below {
		in.conn.Drained(took, b.Cost, whole, left < 0)
	}
	return out, d, closed
}

// notDrained is for a body that is not worth a drain. What net/http has in its
// buffer already is free all the same, where the connection is the kit's own: the
// drain ends when that would be read.
func (x *Exchange) notDrained(b Budget, orig *http.Response, left int64) (out Outcome, d *Drain, closed bool) {
	d = &Drain{Skipped: b.Why, Cost: b.Cost}
	// Small enough to lie in net/http's buffer, it is there, and then free at once.
	d.left = b.LeaveToNetHTTP && x.drainsNatively(orig) && (!b.TakeBuffered || left > readBuffer)
	if b.CountsAsExperience {
		x.conn.NotDrained(b.Remeasure, left < 0)
		for _, in := range x.ownBelow() {
			in.conn.NotDrained(b.Remeasure, left < 0)
		}
	}
	if !b.TakeBuffered || d.left || left > maxFree || !x.down.owned || !x.isWritten() {
		return OutcomeSkipped, d, false
	}
	var empty func() = x.cancel
	if !x.entry.BeforeRead(&empty) {
		return OutcomeSkipped, d, false
	}
	n, err := x.discard(orig.Body, Budget{Bytes: maxFree}, nil)
	x.entry.Unread(&empty)
	d.Bytes = n
	if put, refused := x.conn.Returned(); err == io.EOF && (put || refused != ledger.None) {
		d.Skipped = ""
		return OutcomeDrained, d, false
	}
	return OutcomeSkipped, d, false
}

// drainsNatively reports whether net/http would drain the body by itself, in the
// background, if it were closed now.
func (x *Exchange) drainsNatively(orig *http.Response) bool {
	return nativeDrain && x.pipe.overNetHTTP && orig.ContentLength <= maxPostCloseReadBytes
}

// readBuffer is net/http's, by default.
const readBuffer = 4 << 10

// maxFree is more than net/http has in its buffer, unless the program made that
// larger.
const maxFree = 64 << 10

// discard reads body to its end or to that of the budget, of which errTimeSpent
// and errBytesSpent tell. A Read that panics is none of the caller's, who has asked
// for no more than Close: errBodyPanicked tells of it.
func (x *Exchange) discard(body io.Reader, b Budget, t *drainTimer) (n int64, err error) {
	buf := x.pipe.buffers.get()
	defer func() {
		if recover() != nil {
			err = errBodyPanicked // and who knows what still has buf
			return
		}
		x.pipe.buffers.pool.Put(buf)
	}()
	for {
		// One byte more than allowed shows that there is more.
		m, err := body.Read(buf[:min(int64(len(buf))-1, b.Bytes-n)+1])
		n += int64(m)
		switch {
		case err != nil:
			return n, err
		case n > b.Bytes:
			return n, errBytesSpent
		case t != nil && t.spent():
			return n, errTimeSpent
		}
	}
}

// buffers are what drains use again.
type buffers struct{ pool sync.Pool }

// drainBuffer is larger than net/http's own buffer, so that what comes from the
// network goes past that.
const drainBuffer = 32 << 10

func (s *buffers) get() *[drainBuffer]byte {
	if b, ok := s.pool.Get().(*[drainBuffer]byte); ok {
		return b
	}
	return new([drainBuffer]byte)
}

// hopeless says why draining this body can't bring its connection back; empty
// if it may.
func (x *Exchange) hopeless(resp *http.Response) string {
	switch {
	case resp.ProtoMajor >= 2:
		return "http2" // Close resets the stream; the connection lives
	case x.facts.Method == http.MethodConnect:
		return "tunnel" // the body is the tunnel
	case x.facts.Method == http.MethodHead, resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusNotModified:
		return "no_body"
	case resp.Close, x.wire.reqCloses, x.request.close, x.pipe.ledger.KeepAlivesOff(false):
		return "close" // the connection ends with this exchange; HTTP/1.0 is here too
	case resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && !resp.Uncompressed:
		return "close" // the body ends with the connection
	case isEventStream(resp.Header.Get("Content-Type")):
		return "event_stream"
	}
	return ""
}

func isEventStream(contentType string) bool {
	const sse = "text/event-stream"
	return len(contentType) >= len(sse) && strings.EqualFold(contentType[:len(sse)], sse)
}
