// Package pooltest finds, in the tests of an SDK, the response bodies that the
// SDK does not close.
//
//	func TestList(t *testing.T) {
//		p := pooltest.AssertNoLeaks(t) // first: it then looks last
//		srv := httptest.NewServer(fake)
//		t.Cleanup(srv.Close)
//		c := sdk.New(srv.URL, sdk.WithHTTPClient(roundtripper.Client(srv.Client(), p.Middleware)))
//		…
//	}
//
// If the SDK forgets one, the test fails:
//
//	pooltest: a response body was dropped and never closed: GET http://127.0.0.1:40367, by
//		/src/sdk/list.go:42 example.com/sdk.(*Client).List
//
// # What fails a test
//
// A body that was dropped: the collector has proved that nothing can close it
// any more. A body that is still open, and a request that still waits for its
// response, a second after the test has ended: goroutines that are about to close
// theirs get that long. And transports that are made for a request or two each,
// in the words of pool.Leak.Transports. Requests of a pool.Exempt context are
// not looked at.
//
// A body that is closed without being read to its end passes: it costs a connection,
// not a leak. So does a 101, whose connection is the caller's.
//
// # When it looks
//
// In t.Cleanup. The testing package runs what was registered first last: call
// AssertNoLeaks before what your own cleanups close, an SDK's client say. Whether
// the server is closed before or after makes no difference: a body does not close
// with its server. With a t that has subtests, it looks when they have ended,
// parallel ones too. Each test has a Pool of its own, so parallel tests do not see
// each other's bodies.
//
// # What it costs
//
// Each request has its stack taken; BenchmarkCaller in package pool prints what
// that costs. If all bodies are closed when the test ends, there is nothing to
// wait for. If not, runtime.GC runs a few times, for at most a second.
//
// # In a testing/synctest bubble
//
// Every body must be closed there: the collector works outside of it, and when
// the end of a dropped body then wakes the bubble, or stops one of its timers,
// the runtime ends the program. That tells of the leak, but neither where it is
// nor of other tests. A body that is open but was not dropped is reported as
// elsewhere, after a second of the bubble's time.
package pooltest
