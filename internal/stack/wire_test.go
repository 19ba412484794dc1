package stack

import "testing"

// Of a retrier's or a hedger's attempts each writes the request. The first one's may
// end late: over HTTP/1 net/http tells of it when the connection is closed.
func TestWrittenWhenEachAttemptIs(t *testing.T) {
	r := &Exchange{pipe: new(pipeline), request: request{hasBody: true}, wire: wire{wrote: true}}
	begins := func() {
		r.mu.Lock()
		r.writeBeginsLocked()
		r.mu.Unlock()
	}
	begins()
	begins()
	r.written()
	if r.isWritten() {
		t.Error("written, and one attempt still writes")
	}
	r.written()
	r.written() // whosever that is
	if !r.isWritten() {
		t.Error("not written, and both attempts have ended")
	}
	begins()
	if r.isWritten() {
		t.Error("written, and a third attempt has begun")
	}
}

// Net/http tries again once the first write has ended, or never began: then no hook
// tells of it.
func TestNetHTTPTellsOfOneWriteAtATime(t *testing.T) {
	r := &Exchange{pipe: &pipeline{overNetHTTP: true}, request: request{hasBody: true}}
	for range 2 {
		r.mu.Lock()
		r.writeBeginsLocked()
		r.mu.Unlock()
	}
	r.written()
	if !r.isWritten() {
		t.Error("not written, and the second try has ended")
	}
}
