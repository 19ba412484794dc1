package stack

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
)

// Body is the response that the caller gets, and its body, in one allocation:
// whoever keeps the Response alone keeps the body too. Nothing that net/http, a
// context, a span or a closure can reach may point here, or to its sentinel.
type Body struct {
	resp     http.Response
	orig     *http.Response // the base's own: net/http may still write to it
	exchange *Exchange
	stack    *Stack // so that its connections are not closed as a dropped stack's
	// Nil once the exchange has ended.
	sentinel atomic.Pointer[sentinel]
}

// bodyState is all that the end of a body needs, so that it can end when the
// Body is gone.
type bodyState struct {
	// The response of net/http's own transport, nil over any other base: its
	// body may hold a Body of a stack further down.
	resp *http.Response

	gunzip *gunzip // nil if the transport decompresses, or nobody

	mu          lockorder.Mutex[lockorder.Body]
	readDone    chan struct{} // made by who waits for the Read that is in the raw body
	read        int64
	readTime    time.Duration // that the Reads took, if anybody asks
	lastReadAt  time.Duration // from the exchange's start to the end of the last Read
	inRead      bool
	lengthKnown bool // the server said how long it is
	phase       bodyPhase
	// canceled: the caller's context had ended when it was closed. It is set before the
	// exchange ends, if ever.
	canceled bool
}

// received is what Reads have brought.
type received struct {
	bytes, onWire int64
	took, last    time.Duration // took: 0 if it says nothing
}

// receivedLocked is what Reads have brought.
func (b *bodyState) receivedLocked() received {
	got := received{bytes: b.read, last: b.lastReadAt}
	if !b.inRead && b.lengthKnown {
		got.onWire, got.took = b.onWire(), b.readTime
	}
	return got
}

// endReadLocked lets go who waits for the Read that has left the raw body.
func (b *bodyState) endReadLocked() {
	b.inRead = false
	if b.readDone != nil {
		close(b.readDone)
		b.readDone = nil
	}
}

// awaitReadLocked returns what is closed when the Read has left the raw body.
func (b *bodyState) awaitReadLocked() chan struct{} {
	if b.readDone == nil {
		b.readDone = make(chan struct{})
	}
	return b.readDone
}

// onWire is how much of the body has been read, in bytes on the wire. No Read
// may be in progress.
func (b *bodyState) onWire() int64 {
	if b.gunzip != nil {
		return b.gunzip.raw.n
	}
	return b.read
}

// Exchange returns the exchange of an exchange whose body is not read yet.
func (b *Body) Exchange() *Exchange { return b.exchange }

// Read implements io.Reader. Several Reads, and Close, may run at once.
func (b *Body) Read(p []byte) (int, error) {
	n, err, ended := b.exchange.readBody(b.orig.Body, p)
	if err == io.EOF && b.orig.Trailer != nil {
		b.copyTrailer()
	}
	if ended {
		b.unwatch()
	}
	runtime.KeepAlive(b)
	return n, err
}

// copyTrailer brings trailers that were not announced: net/http puts them on
// its own response only. Written once and under the lock, for several Reads may
// come to the end.
func (b *Body) copyTrailer() {
	b.exchange.body.mu.Lock()
	defer b.exchange.body.mu.Unlock()
	if b.resp.Trailer == nil {
		b.resp.Trailer = b.orig.Trailer
	}
}

// Close implements io.Closer. It ends a Read that hangs. The second Close does
// nothing.
func (b *Body) Close() error {
	err := b.exchange.closeBody(b.orig)
	if b.sentinel.Load() != nil && b.exchange.ended() {
		b.unwatch()
	}
	runtime.KeepAlive(b)
	return err
}

// Format keeps package fmt out of the response: it would write what the server sent
// into a program's log. Net/http's bodies are little more than pointers, too.
func (b *Body) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "(*stack.Body)(%p)", b) }

// tunnelBody is a Body over one that can be written to.
type tunnelBody struct{ *Body }

// Write implements io.Writer.
func (b tunnelBody) Write(p []byte) (int, error) {
	n, err := b.orig.Body.(io.Writer).Write(p)
	runtime.KeepAlive(b.Body)
	return n, err
}

func (x *Exchange) ended() bool {
	x.body.mu.Lock()
	defer x.body.mu.Unlock()
	return x.body.phase.over()
}
