package stack

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"time"
)

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

// copyTrailer copies trailers that were not announced: net/http sets them on its own
// response only. They are written once and under the lock, for several Reads may come to the
// end.
func (b *Body) copyTrailer() {
	b.exchange.body.mu.Lock()
	defer b.exchange.body.mu.Unlock()
	if b.resp.Trailer == nil {
		b.resp.Trailer = b.orig.Trailer
	}
}

// timedMin is the least length of a body whose Reads are timed. The time of a body that fits
// into a packet or two says nothing of the network, and two looks at the clock take longer.
const timedMin = 4 << 10

// readBody reads from raw, one Read at a time: HTTP/2's pipe wakes only one of several Reads
// when the stream ends, and the others would wait for good. Ended says that the exchange has
// certainly ended; without it the exchange may have ended, too.
func (x *Exchange) readBody(raw io.Reader, p []byte) (n int, err error, ended bool) {
	b := &x.body
	b.mu.Lock()
	for b.inRead && !b.phase.closed() {
		freed := b.awaitReadLocked()
		b.mu.Unlock()
		<-freed
		b.mu.Lock()
	}
	if b.phase.closed() {
		b.mu.Unlock()
		return 0, x.closedError(), false
	}
	b.inRead = true
	b.mu.Unlock()

	if b.gunzip != nil {
		raw = b.gunzip
	}
	var began, now time.Duration
	timed := x.pipe.drains && b.lengthKnown && x.wire.length >= timedMin
	if timed {
		began = time.Since(x.facts.Start)
	}
	returned := false
	defer func() {
		if !returned {
			x.readPanicked()
		}
	}()
	n, err = raw.Read(p)
	if err != nil && err != io.EOF {
		err = x.readError(err)
	}
	returned = true
	if timed || err == nil {
		now = time.Since(x.facts.Start)
	}
	b.mu.Lock()
	b.endReadLocked()
	b.read += int64(n)
	if timed {
		b.readTime += now - began
	}
	phase := b.phase
	left := phase == bodyLeft && time.Since(x.facts.Start)-b.lastReadAt < NativeDrainTime
	var got received
	switch {
	case phase == bodyLeft:
	case err == nil:
		b.lastReadAt = now
	case !phase.closed():
		got, ended = x.endLocked()
	}
	b.mu.Unlock()
	switch {
	case err == nil:
		return n, nil, false
	case left && !b.canceled: // net/http lets the Read go on
		return n, err, false
	case phase.closed():
		// The kit caused this error: Close has broken the Read off, and ends the exchange;
		// or net/http was left to go on, and has stopped by now. Over TLS such an error
		// can look like the end of the body.
		return n, x.closedError(), false
	case !ended: // it has ended before
	case err == io.EOF:
		x.conclude(OutcomeEOF, nil, got, nil)
	default:
		x.conclude(OutcomeFailed, err, got, nil)
	}
	return n, err, true
}

// readPanicked ends the exchange after the base has panicked in the caller's Read. The panic
// goes on to the caller; it must neither cost the slot, nor keep the next Read waiting.
func (x *Exchange) readPanicked() {
	b := &x.body
	b.mu.Lock()
	b.endReadLocked()
	var got received
	ended := false
	if !b.phase.closed() { // else Close ends the exchange
		got, ended = x.endLocked()
	}
	b.mu.Unlock()
	if ended {
		x.conclude(OutcomeFailed, errBodyPanicked, got, nil)
	}
}

// closedError is the error of a Read from a closed body. If the caller's context had ended
// before the Close, it is the cause of that: programs close a body at the end of the context
// (by context.AfterFunc, say) to end a Read that is under way, and bare net/http's Read would
// return the context's error then.
func (x *Exchange) closedError() error {
	if x.body.canceled {
		return context.Cause(x.request.ctx)
	}
	return http.ErrBodyReadAfterClose
}

// readError is the error of a Read that has failed. If the caller's context has ended, it is
// the cause of that, as with bare net/http. The Read from an owned connection may not have
// heard of that end yet, and only sees that the connection is closed.
func (x *Exchange) readError(err error) error {
	if x.down.owned && x.wire.major < 2 && !x.down.detached {
		if cause := context.Cause(x.request.ctx); cause != nil {
			return cause
		}
	}
	return err
}
