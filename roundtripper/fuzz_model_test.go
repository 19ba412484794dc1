package roundtripper_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/warmconn/warmconn/roundtripper"
)

// call is one exchange of a program: the player's steps, their results, and the model's
// expectation.
type call struct {
	id         string
	kind, size int
	gated      bool // its upload waits
	actor      *actor
	ctx        *callCtx
	upload     *upload // nil for a GET

	done chan struct{} // closed when RoundTrip has returned
	resp *http.Response
	err  error

	mu   sync.Mutex
	read int64 // by all Reads so far
	errs []error
	ends [2][]roundtripper.Exchange // the Exchanges of the inner and the outer Observer

	// The model, which is the player's own.
	may       []roundtripper.Outcome // how it may have ended
	over      bool                   // it certainly has
	loose     bool                   // another goroutine reads or closes: the order is not known
	released  bool
	canceled  bool
	racing    bool // in the moment of its Close
	closed    bool
	dropped   bool
	disturbed bool // the server broke its connection, perhaps
	swept     bool // CloseIdleConnections came in between
}

// rules are the properties of the stack that the model needs.
type rules struct {
	http2   bool
	drains  bool
	bytes   int64 // the budget; 0 if it is the policy's own
	limited bool
	outer   bool // foreign middleware stands in it, with a layer above
	timeout bool // Client.Timeout is set
	later   bool // drains go on after Close
}

func (c *call) got(n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read += int64(n)
	if err != nil {
		c.errs = append(c.errs, err)
	}
}

func (c *call) sum() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read
}

// end notes how the exchange may have ended, now.
func (c *call) end(outcomes ...roundtripper.Outcome) {
	c.may = append(c.may, outcomes...)
	c.over = true
}

// running reports whether no Observer has heard of the end yet.
func (c *call) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ends[0]) == 0
}

// finite reports whether the body has an end that a Read can come to.
func (c *call) finite() bool {
	switch c.kind {
	case kindHang:
		return c.released
	case kindEndless, kindCut:
		return false
	}
	return true
}

// broken returns the outcomes of a Read that fails.
func (c *call) broken() (may []roundtripper.Outcome) {
	if c.canceled {
		may = append(may, roundtripper.OutcomeCanceled)
	}
	if c.disturbed || c.kind == kindCut {
		may = append(may, roundtripper.OutcomeFailed)
	}
	return may
}

// afterRead is called after a Read with nothing else going on.
func (c *call) afterRead(err error) {
	switch {
	case err == nil || c.over || c.loose:
	case err == io.EOF && c.canceled:
		c.end(roundtripper.OutcomeEOF, roundtripper.OutcomeCanceled)
	case err == io.EOF:
		c.end(roundtripper.OutcomeEOF)
	default:
		c.end(c.broken()...)
	}
}

// onClose is called before a Close with nothing else going on.
func (c *call) onClose(r rules) []roundtripper.Outcome {
	rest := int64(c.size) - c.sum()
	known := c.kind == kindLength || c.kind == kindCut || c.kind == kindMute || c.kind == kindLate
	// A drain can always come to its limit of time. Its limit of bytes is of
	// compressed ones, of which a gzip body has few.
	may := append(c.broken(), roundtripper.OutcomeTimedOut)
	switch {
	case !r.drains:
		return c.undrained(r, roundtripper.OutcomeClosed)
	case r.http2 || c.kind == kindClose || r.bytes > 0 && known && rest > r.bytes:
		return c.undrained(r, roundtripper.OutcomeSkipped)
	case r.bytes == 0:
		may = append(may, roundtripper.OutcomeDrained, roundtripper.OutcomeSkipped, roundtripper.OutcomeGaveUp)
	case c.kind == kindEndless, c.finite() && c.kind != kindGzip && rest > r.bytes:
		may = append(may, roundtripper.OutcomeGaveUp)
	case c.finite():
		may = append(may, roundtripper.OutcomeDrained)
	case r.later && c.kind == kindHang: // it may go on in time
		may = append(may, roundtripper.OutcomeDrained, roundtripper.OutcomeGaveUp)
	}
	if r.later || c.upload != nil {
		// Too many go on; or the request was not written in time.
		may = append(may, roundtripper.OutcomeSkipped)
	}
	return may
}

// undrained returns the outcomes of a Close that tries no drain: the given word, unless the
// context has ended. Below a middleware, or with Client.Timeout, the layers have a context that
// is derived from the caller's, and the end of a callCtx reaches that on another goroutine: it
// may show a moment later.
func (c *call) undrained(r rules, word roundtripper.Outcome) []roundtripper.Outcome {
	switch {
	case !c.canceled:
		return []roundtripper.Outcome{word}
	case c.racing, r.outer, r.timeout:
		return []roundtripper.Outcome{word, roundtripper.OutcomeCanceled}
	}
	return []roundtripper.Outcome{roundtripper.OutcomeCanceled}
}

// allowed returns how the exchange may have ended, now that all is over.
func (c *call) allowed(r rules) []roundtripper.Outcome {
	switch {
	case c.err != nil && c.canceled && r.limited:
		return append(c.broken(), roundtripper.OutcomeRefused)
	case c.err != nil:
		return c.broken()
	case !c.loose && c.disturbed && r.later:
		return append(c.may, roundtripper.OutcomeFailed)
	case !c.loose:
		return c.may
	}
	may := c.broken()
	if c.finite() {
		may = append(may, roundtripper.OutcomeEOF)
	}
	if c.dropped {
		may = append(may, roundtripper.OutcomeLeaked)
	}
	if c.closed {
		may = append(may, roundtripper.OutcomeClosed)
	}
	if c.closed && r.timeout {
		// With a timeout, http.Client's second Close ends the context under the
		// first.
		may = append(may, roundtripper.OutcomeCanceled)
	}
	if c.closed && r.drains {
		may = append(may, roundtripper.OutcomeDrained, roundtripper.OutcomeSkipped, roundtripper.OutcomeGaveUp,
			roundtripper.OutcomeTimedOut)
	}
	return may
}

// check compares the results of the caller and of the Observers with the model.
func (c *call) check(r rules, fail func(format string, args ...any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil && !c.canceled && !c.disturbed {
		fail("RoundTrip failed without a cause: %v", c.err)
	}
	for i, err := range c.errs {
		switch {
		case err == io.EOF && c.read == int64(c.size) && c.finite():
		case err == io.EOF:
			fail("a Read says EOF after %d bytes of %d", c.read, c.size)
		case errors.Is(err, http.ErrBodyReadAfterClose) && c.closed:
		case len(c.broken()) == 0:
			fail("a Read failed without a cause: %v", err)
		case c.closed && errors.Is(err, net.ErrClosed):
			// A Close takes net/http's function that would have returned the context's
			// error away from a Read that is under way.
		case i == 0 && !c.disturbed && c.kind != kindCut && !errors.Is(err, context.Canceled):
			// Only the first Read: net/http returns another error to the next one.
			fail("a Read after a cancel says %v", err)
		}
	}
	for i, ends := range c.ends {
		if i == 0 && len(ends) != 1 || len(ends) > 1 {
			fail("Observer %d heard of %d ends, want 1", i, len(ends))
			return
		}
	}
	e := c.ends[0][0]
	if may := c.allowed(r); !slices.Contains(may, e.Outcome) {
		fail("outcome %q, want one of %q", e.Outcome, may)
	}
	if e.Leaked != (e.Outcome == roundtripper.OutcomeLeaked) {
		fail("leaked %v with outcome %q", e.Leaked, e.Outcome)
	}
	c.checkBytes(e, r, fail)
	c.checkConn(e, r, fail)
}

func (c *call) checkBytes(e roundtripper.Exchange, r rules, fail func(string, ...any)) {
	if e.Outcome == roundtripper.OutcomeEOF && e.BytesRead != int64(c.size) {
		fail("EOF after %d bytes of %d", e.BytesRead, c.size)
	}
	most := int64(c.size)
	if c.kind == kindGzip {
		most += 64 // a drain is counted on the wire
	}
	if c.kind != kindEndless && e.BytesRead+e.BytesDrained > most {
		fail("%d bytes read and %d drained, of %d", e.BytesRead, e.BytesDrained, c.size)
	}
	if e.Outcome == roundtripper.OutcomeDrained && e.BytesRead+e.BytesDrained != int64(c.size) && !c.loose && c.kind != kindGzip {
		fail("drained with %d bytes read and %d drained, of %d", e.BytesRead, e.BytesDrained, c.size)
	}
	if e.BytesRead > c.read || e.BytesRead < c.read && !c.loose {
		fail("%d bytes read, the caller has %d", e.BytesRead, c.read)
	}
	if r.bytes > 0 && e.BytesDrained > r.bytes+1 {
		fail("%d bytes drained under a limit of %d", e.BytesDrained, r.bytes)
	}
}

// lostFor has the reason for which a connection is lost with each outcome, if nothing else
// has happened.
var lostFor = map[roundtripper.Outcome]roundtripper.NewReason{
	roundtripper.OutcomeSkipped:  roundtripper.ReasonBodyUnread,
	roundtripper.OutcomeGaveUp:   roundtripper.ReasonBodyUnread,
	roundtripper.OutcomeTimedOut: roundtripper.ReasonBodyUnread,
	roundtripper.OutcomeClosed:   roundtripper.ReasonBodyUnread,
	roundtripper.OutcomeCanceled: roundtripper.ReasonCanceled,
	roundtripper.OutcomeFailed:   roundtripper.ReasonConnError,
	roundtripper.OutcomeLeaked:   roundtripper.ReasonBodyLeaked,
}

func (c *call) checkConn(e roundtripper.Exchange, r rules, fail func(string, ...any)) {
	lost := fmt.Sprintf("outcome %q: returned %v, lost for %q", e.Outcome, e.Returned, e.LostReason)
	switch {
	case e.ConnID == 0:
		if e.Returned || e.LostReason != "" || c.err == nil {
			fail("%s, without a connection", lost)
		}
		return
	case r.http2:
		broke := e.LostReason == roundtripper.ReasonConnError && c.disturbed
		if e.Returned || e.LostReason != "" && !broke {
			fail("%s, over HTTP/2", lost)
		}
		return
	case e.Returned != (e.LostReason == ""):
		fail("%s", lost)
	}
	if e.Returned || c.disturbed || c.swept && e.LostReason == roundtripper.ReasonClosedIdle {
		return
	}
	want, ok := lostFor[e.Outcome]
	switch {
	case c.kind == kindClose && c.err == nil:
		want, ok = roundtripper.ReasonServerClose, true
	case c.gated && !ok:
		want, ok = roundtripper.ReasonEarlyResponse, true
	case c.canceled && !ok:
		want, ok = roundtripper.ReasonCanceled, true // in the same moment
	}
	if want == roundtripper.ReasonBodyUnread && e.LostReason == roundtripper.ReasonDraining && e.Outcome == roundtripper.OutcomeClosed {
		return // it may come back yet, on Go 1.27
	}
	if !ok || e.LostReason != want {
		fail("%s, want %q", lost, want)
	}
}
