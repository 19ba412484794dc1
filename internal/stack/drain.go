package stack

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// The limits of net/http's own drain, from Go 1.27 on: its constants
// maxPostCloseReadBytes and maxPostCloseReadTime.
const (
	maxPostCloseReadBytes = 256 << 10
	NativeDrainTime       = 50 * time.Millisecond
)

// drainWithin drains the body, if that can bring the connection back and the budget allows
// it. Closed says that it had to close the body. When the time is over it cancels the
// exchange's own context. Closing the body under its Read would not bound net/http's: that
// Close waits for a gzip header, and deadlocks on some Gos. It is the last resort for a base
// that ignores its context.
func (x *Exchange) drainWithin(b Budget, orig *http.Response) (out Outcome, d *Drain, closed bool) {
	if x.interrupted(nil, time.Now()) != ledger.None {
		return OutcomeCanceled, &Drain{Cost: b.Cost}, false // the connection ends with the context, which says nothing of the host's bodies
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
	t := x.startDrainTimer(b, orig, native)
	began := time.Now()
	n, err := x.discard(orig.Body, b, t)
	took := time.Since(began)
	inTime, closed := t.stop()
	d = &Drain{Bytes: n, Time: took, Cost: b.Cost}
	// Over TLS a cancelled read can look like the end, so an end that comes late does not
	// count. But net/http's own goroutine may start the clock at the end of the body, and
	// the clock may run out before this goroutine runs: then the connection tells.
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
	// A drain that the program has broken off says nothing of the host's bodies.
	x.conn.Drained(took, b.Cost, whole, left < 0)
	for _, in := range below {
		in.conn.Drained(took, b.Cost, whole, left < 0)
	}
	return out, d, closed
}

// notDrained is for a body that is not worth a drain. The part that is in net/http's buffer
// already costs nothing to read. Where the kit owns the connection that part is read: the
// drain ends when the socket would be read.
func (x *Exchange) notDrained(b Budget, orig *http.Response, left int64) (out Outcome, d *Drain, closed bool) {
	d = &Drain{Skipped: b.Why, Cost: b.Cost}
	// A body small enough for net/http's buffer is probably in it, and reading that is
	// quicker than to leave it to net/http's drain.
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

// drainsNatively reports whether net/http would drain the body by itself, in the background,
// after a Close.
func (x *Exchange) drainsNatively(orig *http.Response) bool {
	return nativeDrain && x.pipe.overNetHTTP && orig.ContentLength <= maxPostCloseReadBytes
}

// readBuffer is the default size of net/http's buffer.
const readBuffer = 4 << 10

// maxFree is the most that is read of a body for free: more than net/http's buffer holds,
// unless the program has made that larger.
const maxFree = 64 << 10

// discard reads body to its end, or until the budget is spent: then it returns errTimeSpent
// or errBytesSpent. If a Read panics it returns errBodyPanicked: the caller has called Close,
// and no Read.
func (x *Exchange) discard(body io.Reader, b Budget, t *drainTimer) (n int64, err error) {
	buf := x.pipe.buffers.get()
	defer func() {
		if recover() != nil {
			err = errBodyPanicked // buf is dropped: the Read's code may still have it
			return
		}
		x.pipe.buffers.pool.Put(buf)
	}()
	for {
		// One byte more than the budget allows shows that the body is longer.
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

// buffers are the buffers of drains, to be used again.
type buffers struct{ pool sync.Pool }

// drainBuffer is larger than net/http's own buffer, so that reads from the network go past
// that buffer.
const drainBuffer = 32 << 10

func (s *buffers) get() *[drainBuffer]byte {
	if b, ok := s.pool.Get().(*[drainBuffer]byte); ok {
		return b
	}
	return new([drainBuffer]byte)
}

// hopeless says why draining this body can't bring its connection back; empty if it can.
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
