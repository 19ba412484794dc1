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

// timedMin is the length from which on a body says something of how fast bodies
// come: of one that fits into a packet or two, the clock would take longer.
const timedMin = 4 << 10

// readBody reads from raw, one Read at a time: HTTP/2's pipe wakes only one of
// several when the stream ends, and the others would wait for good. It reports
// whether the exchange has ended by now, for sure.
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
		// The error is of our own making: Close had to break the Read, and ends
		// the exchange; or net/http has by now. Over TLS it can look like the end of
		// the body.
		return n, x.closedError(), false
	case !ended: // before
	case err == io.EOF:
		x.conclude(OutcomeEOF, nil, got, nil)
	default:
		x.conclude(OutcomeFailed, err, got, nil)
	}
	return n, err, true
}

// readPanicked ends the exchange whose base has panicked in the caller's Read. The
// panic is the caller's to see; it must not keep the slot, nor the next Read waiting.
func (x *Exchange) readPanicked() {
	b := &x.body
	b.mu.Lock()
	b.endReadLocked()
	var got received
	ended := false
	if !b.phase.closed() { // else Close ends it
		got, ended = x.endLocked()
	}
	b.mu.Unlock()
	if ended {
		x.conclude(OutcomeFailed, errBodyPanicked, got, nil)
	}
}

// closedError is what a Read of a body that was closed returns: the cause, if the caller's
// context had ended before. It is to end a Read under way that such a body is closed (by
// context.AfterFunc, say), and net/http has the Read heed the context first.
func (x *Exchange) closedError() error {
	if x.body.canceled {
		return context.Cause(x.request.ctx)
	}
	return http.ErrBodyReadAfterClose
}

// readError is what a Read that failed returns: the cause, if the caller's context
// has ended, as net/http has it. Of an owned connection that may not know yet, and
// only see that it is closed.
func (x *Exchange) readError(err error) error {
	if x.down.owned && x.wire.major < 2 && !x.down.detached {
		if cause := context.Cause(x.request.ctx); cause != nil {
			return cause
		}
	}
	return err
}
