package record

import (
	"io"
	"net/http"
	"runtime"
	"time"
)

// Body is the response that the caller gets, and its body, in one allocation:
// whoever keeps the Response alone keeps the body too. Nothing that net/http, a
// context, a span or a closure can reach may point here.
type Body struct {
	resp  http.Response
	orig  *http.Response // the base's own: net/http may still write to it
	leg   *leg
	stack *Stack // so that its connections are not closed as a dropped stack's
}

// Record returns the record of an exchange whose body is not read yet.
func (b *Body) Record() *Record { return b.leg.rec }

// Read implements io.Reader. Several Reads, and Close, may run at once.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.leg.readBody(b.orig.Body, p)
	if err == io.EOF {
		b.copyTrailer()
	}
	runtime.KeepAlive(b)
	return n, err
}

// copyTrailer brings trailers that were not announced: net/http puts them on
// its own response only. Written once and under the lock, for several Reads may
// come to the end.
func (b *Body) copyTrailer() {
	b.leg.mu.Lock()
	defer b.leg.mu.Unlock()
	if b.resp.Trailer == nil && b.orig.Trailer != nil {
		b.resp.Trailer = b.orig.Trailer
	}
}

// Close implements io.Closer. It ends a Read that hangs. The second Close does
// nothing.
func (b *Body) Close() error {
	err := b.leg.closeBody(b.orig)
	runtime.KeepAlive(b)
	return err
}

func (l *leg) readBody(raw io.Reader, p []byte) (int, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	l.readers++
	l.mu.Unlock()

	n, err := raw.Read(p)

	l.mu.Lock()
	l.read += int64(n)
	l.readers--
	closed := l.closed
	if l.readers == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
	l.mu.Unlock()
	switch {
	case err == nil:
	case err == io.EOF:
		l.finish(OutcomeEOF, nil)
	case closed:
		// The error is of our own making: Close had to break the Read.
		err = http.ErrBodyReadAfterClose
	default:
		l.finish(OutcomeFailed, err)
	}
	return n, err
}

// patience is how long Close waits for a Read that it has cancelled, before it
// closes the raw body under it. net/http's Reads end at once; on Go 1.27.0 and
// 1.27.1 a Close under a Read can deadlock (golang/go#81404), so they get
// time. A base that ignores its context gets little.
func (l *leg) patience() time.Duration {
	if l.line.hooked {
		return 50 * time.Millisecond
	}
	return time.Millisecond
}

func (l *leg) closeBody(orig *http.Response) error {
	raw := orig.Body
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	ended := l.ended
	var wait chan struct{}
	if l.readers > 0 && !ended {
		wait = make(chan struct{})
		l.idle = wait
	}
	l.mu.Unlock()

	if ended {
		return raw.Close()
	}
	if wait != nil {
		l.cancel()
		t := time.NewTimer(l.patience())
		select {
		case <-wait:
		case <-t.C:
		}
		t.Stop()
		err := raw.Close()
		l.finish(OutcomeClosed, nil)
		return err
	}
	out, d := l.drain(orig)
	if out != OutcomeDrained && out != OutcomeClosed {
		// net/http's own drain (Go 1.27) must not go on behind our back.
		l.cancel()
	}
	err := raw.Close()
	l.finishDrained(out, nil, d)
	return err
}
