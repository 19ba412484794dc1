// Package pooltest finds, in the tests of an SDK, the response bodies that the
// SDK does not close, and the connections that it could have reused.
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
// AssertReused is used in the same way, for an SDK that makes one request after the
// other, or n at once:
//
//	p := pooltest.AssertReused(t, 1)
//
// and CheckReused adds it to a Pool that is there: that of AssertNoLeaks, or the SDK's.
// The failure says who needed one more connection, why, and who is to blame:
//
//	pooltest: 7 times: a connection more than 1: for GET http://127.0.0.1:40367/users/2, by
//		/src/sdk/users.go:60 example.com/sdk.(*Client).User
//	the reason: body_unread, by
//		/src/sdk/users.go:42 example.com/sdk.(*Client).Exists
//
// # What fails AssertNoLeaks and CheckPool
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
// # What fails AssertReused and CheckReused
//
// Each connection to a host (scheme, name and port) beyond the first maxConns, whatever
// its protocol, that was new to the request that got it: those of Exempt requests, of
// requests whose body is still open, and of requests within others (a middleware's for a token)
// too. A dial that failed, or that no request was given, does not count. The reasons are
// roundtripper.NewReason's. If several connections to a host were made, those of reason
// first, then of all_busy, are the ones that pass: they are the least of a mistake. More than
// one first means that the requests went over several transports.
//
// The Pool of AssertReused drains nothing. Where the SDK closes bodies unread and relies on
// a drain, put its drain into the chain, as in production, but with drain.Fixed and ample limits: by default it
// weighs times, which are short on loopback and differ from run to run. Go 1.27 drains small bodies by itself,
// so what fails on Go 1.26 may pass there.
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
// Each request has its stack taken, from the call on; BenchmarkCaller in package pool prints what
// that costs. If all bodies are closed when the test ends, there is nothing to
// wait for. If not, runtime.GC runs a few times, for at most a second.
//
// # In a testing/synctest bubble
//
// Both work there, over a server in memory.
//
// But every body must be closed there: the collector works outside of it, and when
// the end of a dropped body then wakes the bubble, or stops one of its timers,
// the runtime ends the program. That tells of the leak, but neither where it is
// nor of other tests. A body that is open but was not dropped is reported as
// elsewhere, after a second of the bubble's time.
package pooltest
