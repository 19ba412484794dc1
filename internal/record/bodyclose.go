package record

import (
	"io"
	"net/http"
	"time"
)

// patience is how long Close waits for a Read that it has cancelled, before it
// closes the raw body under it. net/http's Reads end at once, and where a Close
// under a Read can deadlock they get time: see closesUnderRead. A base that may
// ignore its context gets little.
func (r *Record) patience() time.Duration {
	if r.pipe.overNetHTTP {
		return 50 * time.Millisecond
	}
	return time.Millisecond
}

func (r *Record) closeBody(orig *http.Response) error {
	b := &r.body
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	ended := b.ended
	var wait chan struct{}
	if b.inRead && !ended {
		if r.leavesRead(orig) {
			b.leftToNetHTTP = true
			got, _ := b.end()
			b.lastReadAt = r.elapsed()
			b.mu.Unlock()
			return r.leaveRead(orig.Body, got)
		}
		wait = b.awaitRead()
	}
	b.mu.Unlock()

	if b.gunzip != nil {
		defer b.gunzip.close()
	}
	if ended {
		return orig.Body.Close()
	}
	if wait != nil {
		r.cancel()
		t := time.NewTimer(r.patience())
		select {
		case <-wait:
		case <-t.C:
		}
		t.Stop()
		defer r.finish(OutcomeClosed, nil, nil) // though Close panics
		return orig.Body.Close()
	}
	if r.owned() && r.canceled() {
		// The end of the caller's context reaches net/http on a goroutine of its own,
		// and Go 1.27 would drain in the meantime.
		r.cancel()
	}
	budget, ok := r.budget(orig, false)
	if !ok || r.closedAbove() {
		return r.closeRest(orig.Body, OutcomeClosed, nil, false)
	}
	if r.closeLater(orig, budget) {
		return nil
	}
	out, d, closed := r.drainWithin(budget, orig)
	return r.closeRest(orig.Body, out, d, closed)
}

// leavesRead reports whether a Close during a Read is for net/http alone. r.body.mu
// is held.
func (r *Record) leavesRead(orig *http.Response) bool {
	return r.pipe.underRead && orig.ContentLength <= maxPostCloseReadBytes && r.hopeless(orig) == ""
}

// leaveRead closes the raw body under a Read. Net/http drains it and lets the Read go
// on meanwhile: if the body comes to its end so does the Read, and the connection is
// kept.
func (r *Record) leaveRead(raw io.Closer, got received) error {
	defer r.conclude(OutcomeClosed, nil, got, nil) // though Close panics
	return raw.Close()
}

// closeRest closes the raw body after a drain, unless the drain did, and ends
// the exchange, also if that Close panics.
func (r *Record) closeRest(raw io.Closer, out Outcome, d *Drain, closed bool) (err error) {
	defer r.finish(out, nil, d)
	if out != OutcomeDrained && out != OutcomeClosed && !(d != nil && d.left) {
		// net/http's own drain (Go 1.27) must not go on behind our back.
		r.cancel()
	}
	if !closed {
		err = raw.Close()
	}
	return err
}

// quiet is a raw body that is closed on a goroutine of the kit's, where a panic
// would end the program: nobody's call is there to recover it.
type quiet struct{ io.Closer }

func (q quiet) Close() (err error) {
	defer func() {
		if recover() != nil {
			err = errBodyPanicked
		}
	}()
	return q.Closer.Close()
}
