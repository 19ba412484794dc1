package stack

import (
	"net/http"
	"sync"
	"time"
)

// drainTimer is the limit in time of one drain. What net/http has in its buffer
// already is free, and on a busy machine a timer would break off what takes no
// time at all. So where the connection is the kit's own, the clock starts when it
// is first read.
type drainTimer struct {
	r     *Exchange
	limit time.Duration
	cut   time.Duration  // when a Read that hangs is broken
	orig  *http.Response // to be closed at last, over a base that may ignore its context
	hook  func()         // called before the connection is read, where that shows

	// At the end of the body net/http's own goroutine goes on to read, and may
	// start the clock while stop is called.
	mu      sync.Mutex
	stopped bool
	began   time.Time // zero until the clock runs
	timer   *time.Timer
	late    *time.Timer
	closing chan struct{}
	// Before closing is closed: the body is. One whose Close panicked is closed
	// once more, where the caller sees it.
	closed bool
}

// startDrainTimer begins a bound. What net/http goes on to drain by itself is not broken at the
// limit, for that costs the connection, but left to it when the Read that is in
// progress returns; what hangs is broken when net/http would give it up, too.
func (x *Exchange) startDrainTimer(limit time.Duration, orig *http.Response, native bool) *drainTimer {
	t := &drainTimer{r: x, limit: limit, cut: limit}
	if native {
		t.cut = max(limit, NativeDrainTime)
	}
	if !x.pipe.overNetHTTP {
		t.orig = orig
	}
	t.hook = t.start
	if !x.down.owned || !x.entry.BeforeRead(&t.hook) {
		t.start()
	}
	return t
}

// start cancels the exchange when the time is over. Net/http's Reads end then.
func (t *drainTimer) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return
	}
	t.began = time.Now()
	t.timer = time.AfterFunc(t.cut, t.r.cancel)
	if t.orig != nil {
		t.closing = make(chan struct{})
		t.late = time.AfterFunc(max(t.limit, t.limit+t.r.patience()), func() { // the sum may overflow
			defer close(t.closing)
			t.closed = quiet{t.orig.Body}.Close() != errBodyPanicked
		})
	}
}

// spent looks at the clock between two Reads, so that a limit may be shorter
// than a timer can be.
func (t *drainTimer) spent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.began.IsZero() && time.Since(t.began) >= t.limit
}

// stop reports whether it came in time, and whether the body had to be closed.
func (t *drainTimer) stop() (inTime, closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	if t.timer == nil {
		t.r.entry.Unread(&t.hook)
		return true, false
	}
	inTime = t.timer.Stop()
	if t.late != nil && !t.late.Stop() {
		<-t.closing
		closed = t.closed
	}
	return inTime, closed
}
