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
// and CheckReused adds the check to another Pool: that of AssertNoLeaks, or the SDK's own.
// The failure has the request that needed one more connection, the reason, and the request
// that is to blame:
//
//	pooltest: 7 times: a connection more than 1: for GET http://127.0.0.1:40367/users/2, by
//		/src/sdk/users.go:60 example.com/sdk.(*Client).User
//	the reason: body_unread, by
//		/src/sdk/users.go:42 example.com/sdk.(*Client).Exists
//
// # What fails AssertNoLeaks and CheckPool
//
// They fail for
//
//   - a body that was dropped: the collector has proved that no code can close it any more;
//   - a body that is still open, or a request that still waits for its response, a second
//     after the test has ended. Goroutines that are about to close theirs get that long;
//   - transports that are made for a request or two each: see pool.Leak.Transports.
//
// They pass
//
//   - a body that is closed without being read to its end: it costs a connection, and is no
//     leak;
//   - a 101, whose connection is the caller's;
//   - requests with a pool.Exempt context, which are not looked at.
//
// # What fails AssertReused and CheckReused
//
// They fail for each connection to a host (scheme, name and port) beyond the first maxConns
// that was new to the request that got it, of any protocol. Connections of these count, too:
//
//   - Exempt requests;
//   - requests whose body is still open;
//   - requests within others, such as a middleware's for a token.
//
// A dial that failed, or whose connection no request was given, does not count. The reasons are
// roundtripper.NewReason's. If several connections to a host were made, the ones of reason
// first pass, then the ones of all_busy: they are the least likely to be a mistake. More than
// one first means that the requests went over several transports.
//
// The Pool of AssertReused drains nothing. If the SDK closes bodies unread and relies on
// a drain, put its drain into the chain, as in production, but with drain.Fixed and ample
// limits: by default a drain weighs times, which are short on loopback and differ from run to
// run. Go 1.27 drains small bodies by itself, so a test that fails on Go 1.26 may pass there.
//
// # When it looks
//
// It looks in t.Cleanup. The testing package runs cleanups in the reverse order of their
// registration: call AssertNoLeaks before your own cleanups are registered, for example one
// that closes an SDK's client. It makes no difference whether the server is closed before or
// after: a body does not close with its server. With a t that has subtests, it looks when they
// have ended, parallel ones too. Each test has a Pool of its own, so parallel tests do not see
// each other's bodies.
//
// # What it costs
//
// Each request has its stack taken, from the call on; BenchmarkCaller in package pool prints the
// cost. If all bodies are closed when the test ends, there is nothing to
// wait for. If not, runtime.GC runs a few times, for at most a second.
//
// # In a testing/synctest bubble
//
// Both checks work in a bubble, over a server in memory.
//
// But every body must be closed there: the collector works outside of the bubble, and if the
// end of a dropped body wakes the bubble from there, or stops one of its timers, the runtime
// ends the program. That shows that there is a leak, but neither where, nor the results of
// other tests. A body that is open but was not dropped is reported as outside of a bubble,
// after a second of the bubble's time.
package pooltest
