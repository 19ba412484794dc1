package stack

import "testing"

// Each attempt of a retrier or a hedger writes the request. The write of the first may end
// late: over HTTP/1 net/http tells of that when the connection is closed.
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
	r.written() // one of the two attempts
	if !r.isWritten() {
		t.Error("not written, and both attempts have ended")
	}
	begins()
	if r.isWritten() {
		t.Error("written, and a third attempt has begun")
	}
}

// Net/http tries again once the first write has ended, or if it has never begun: then no hook
// tells of the first.
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
