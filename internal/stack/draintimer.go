package stack

import (
	"net/http"
	"sync"
	"time"
)

// drainTimer is the time limit of one drain. The part of the body that is in net/http's
// buffer already costs nothing to read, and on a busy machine a timer would break off a read
// that takes no time at all. So where the kit owns the connection, the clock starts when the
// socket is first read.
type drainTimer struct {
	r     *Exchange
	limit time.Duration
	cut   time.Duration  // when a Read that hangs is broken
	orig  *http.Response // its body is closed at last; nil unless the base may ignore its context
	hook  func()         // called before the socket is read, if the kit owns the connection

	// At the end of the body net/http's own goroutine reads on, and may start the clock
	// while stop is called.
	mu      sync.Mutex
	stopped bool
	began   time.Time // zero until the clock runs
	timer   *time.Timer
	late    *time.Timer
	closing chan struct{}
	// closed is set before closing is closed: the body was closed. If its Close has panicked
	// it is not set: then the body is closed once more, where the caller sees the panic.
	closed bool
}

// startDrainTimer starts the limit of a drain. If net/http would drain natively, a Read that
// is in progress at the limit is not broken off, for that costs the connection: the rest is
// left to net/http when the Read returns. If the Read hangs, it is broken off when net/http
// would give up, too, or when Close has taken what it may take at most.
func (x *Exchange) startDrainTimer(b Budget, orig *http.Response, native bool) *drainTimer {
	t := &drainTimer{r: x, limit: b.Time, cut: b.Time}
	if native {
		t.cut = max(b.Time, min(NativeDrainTime, b.MostTime))
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

// start starts the clock: when the time is over the exchange is cancelled, and net/http's
// Reads end.
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

// spent looks at the clock between two Reads, so that a limit may be shorter than a timer can
// keep.
func (t *drainTimer) spent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.began.IsZero() && time.Since(t.began) >= t.limit
}

// stop reports whether the drain was in time, and whether the body was closed.
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
