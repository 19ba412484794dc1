// Package connpool owns the HTTP connections of one transport: it dials them,
// keeps them, chooses one for each request, and knows of each why it was made and
// why it was lost.
//
// net/http speaks the protocol on each connection, dials, does TLS, proxies and
// HTTP/2, all by (*http.Transport).NewClientConn of a private clone. What
// net/http's own pool does, this package does in its place, by the same rules:
//
//	request ─▶ route ─▶ acquire ─┬─ an idle connection ──────────────┐
//	           scheme, host,     ├─ a stream of an HTTP/2 connection ┤
//	           port, proxy,      └─ wait: for the first connection   ├─▶ RoundTrip
//	           HTTP/1 only          that comes free, or for a dial   │   on it
//	              ▲                 that the request has begun ──────┘      │
//	              │                                                         │
//	              ╰── a reused connection turned out dead, and net/http ◀───┤
//	                  would try again: rewind the body                      ▼
//	                                              response, and the body's end:
//	                            idle, handed to the next waiter, or lost for a reason
//
// # Where to find
//
//   - pool.go, host.go, conn.go, entry.go: the Pool, its hosts, their connections, and an
//     exchange at it
//   - state.go: the life of a connection, with its picture and its edges
//   - route.go: the way by which a request goes: its proxy, its protocol, its spelling of
//     the host
//   - phase.go: the stages of an exchange, from before its host counts it to its end, and
//     the table of its edges
//   - acquire.go, wait.go: how a request comes to a connection, and the part of its wait that a
//     limit has cost
//   - pick.go, ready.go, take.go: which connection a request gets, whether that can be used,
//     and its hand-out
//   - streams.go: how many streams an HTTP/2 connection takes
//   - dialneed.go, gate.go: how many dials there are, and for which requests; the first dial
//     to a host whose protocol is not known
//   - spread.go: HTTP/2 over several connections
//   - remember.go: hosts that are kept though they have no connection
//   - demand.go: how many connections a host has needed of late, and how many are kept ready
//     for it
//   - dial.go, dialer.go, dialclock.go: a dial; the dialers that net/http calls for it, and the
//     contexts that they get; how long its parts took
//   - roundtrip.go, failedtry.go, retry.go (for each Go retry126.go and retry127.go), body.go, valid.go:
//     net/http's promises to the request
//   - context.go: the context of a request, as net/http gets it
//   - puthook.go: the caller's PutIdleConn hook, for connections that the Pool refuses
//   - finish.go, streamend.go, arrived.go: the end of an exchange, for its connection, and
//     of a stream that ends before its exchange
//   - idle.go, idletotal.go, sweep.go: how many connections are kept, and for how long;
//     floor.go: how many of a host in use stay idle; retire.go: how they are taken out of use
//   - serveridle.go, idleclosed.go: for how long the server keeps idle connections, learned
//     from the ones that it has closed; distrust.go: which requests get no connection that
//     the server may be closing
//   - resolve.go, lookups.go, answers.go: names that are looked up again, and addresses
//     that a name no longer has
//   - warm.go: connections that are made before a request needs them
//   - shutdown.go: how Shutdown ends what is left
//   - lost.go, atrest.go: the reason for each loss
//   - dead.go: a path that has died without a word; silence.go, tcpfacts.go: how a dead path
//     is told from a slow server
//   - netconn.go, alert.go: the wire, as evidence
//   - transport.go: the private clone; tls.go: TLS to the first hop
//   - clone.go, xnet.go: which transports can be cloned, golang.org/x/net's HTTP/2 among
//     them
//   - sessions.go: TLS sessions that are resumed
//   - replacetls.go: a TLS configuration that was replaced
//   - stats.go: counters; barelyused.go: whether a Pool has hardly been used
//   - listed.go, tcpfacts.go: the list of connections, and the kernel's facts of each
//   - life.go: the events of a connection's life, for a listener
//
// # Locks
//
// A Host's mutex guards its routes, their connections and waiters. Under it only
// Err, Available and InFlight of an http.ClientConn may be called: Reserve,
// Release, Close, RoundTrip and SetStateHook may run the state hook on the spot,
// which takes the same mutex. Two Hosts' mutexes are never held at once. net/http
// closes a net.Conn under locks of its own, so netConn.Close touches nothing but
// atomics.
//
// # What holds what
//
// An exchange holds its connection. A connection holds an exchange only while its request
// waits for it, and while its body is drained; else only values that describe one. So a response body that the program has dropped can be
// found by the garbage collector while its connection is open.
package connpool
