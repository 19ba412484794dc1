// Package pool bounds the requests to each host, owns their connections, and heals
// leaks.
//
//	p := pool.New(pool.Options{MaxPerHost: 64, OnLeak: func(l pool.Leak) {
//		slog.Warn("response body never closed", "host", l.Host, "caller", l.Caller)
//	}})
//	client := roundtripper.Client(client, p.Middleware)
//
// # What it changes
//
// A request over the limit of its host waits in a queue, first come first served. Hosts
// can have limits of their own; the zero Options limit nothing. A request may be refused
//
//   - at once, if MaxWaiting requests wait already, or if it would wait in vain
//     (RefuseHopeless);
//   - after WaitTimeout;
//   - when its turn comes too late in an overloaded queue (ShedTarget).
//
// Over a plain *http.Transport, which is left as it is, the Pool owns the connections: it
// dials them by a private clone, chooses one for each request, and retires them. Net/http
// speaks the protocol on them, and does TLS, proxies and HTTP/2. A program that finds the
// clone by roundtripper.Unwrap must not send requests over it.
//
// Over every other base the Pool bounds requests, and knows of connections only the facts
// that httptrace and the bodies show. There MaxConnAge, MaxConnRequests, Resolve, LookupNetIP,
// MaxIdlePerHost, MinIdlePerHost, IdleTimeout, MinHTTP2Conns, MaxStreamsPerConn, TLSSessions
// and Listener do nothing. A transport from Transport has net/http's own
// pool of connections, tuned.
//
// # How connections are made
//
// A request takes an idle connection, or waits for the first of two: another's connection
// that comes free, or a dial of its own. So there are never more dials than requests that
// wait for one. There are fewer while a host's protocol is not known, or is HTTP/2:
//
//	not known yet    one dial for all requests that wait; a second one after 100 ms if the
//	                 first shows no progress; after 500 ms each request has its own
//	HTTP/2 before    one dial for all; for several connections see MinHTTP2Conns and
//	                 MaxStreamsPerConn
//
// The Pool remembers a host for twice as long as it has been in use, an hour at most, also
// when its connections have idled out. Names that are not in ASCII are spelled as net/http
// spells them.
//
// Over HTTP/1 there are never more connections to a host than MaxPerHost, in any state:
// during handshakes, while a body is drained, or after their request has given up. A new
// connection takes the place of an idle one on another way (through another proxy), or of a
// dial that no request waits for. Connections to a proxy that forwards plain http serve
// requests to all hosts, and are bounded together. Connections for Exempt requests come on
// top.
//
// Warm makes connections before requests need them, and MinIdlePerHost keeps some for a host
// in use. With Options.TLSSessions the handshakes of new connections resume sessions of
// earlier ones.
//
// # How connections end
//
// As many idle connections are kept as the host has needed of late; see MaxIdlePerHost. (A
// transport keeps 2 per host by default.) A connection is retired at
//
//   - IdleTimeout;
//   - the time that the server has announced in Keep-Alive, or that the Pool has learned;
//   - MaxConnAge, or after MaxConnRequests;
//   - the time when the host's name has left its address, if Options.Resolve says so.
//
// An idle connection is taken out of use then, under the lock that hands connections out. One in use
// is closed after its request. Over HTTP/2 a busy one takes no more streams once its
// successor is there, with the server's SETTINGS. Shutdown ends the Pool in order.
//
// Most servers close idle connections after a time that they do not announce, and a
// request that crosses such a close fails, unless net/http can send it again: a POST
// can't be. So the Pool learns the time of each host (HostStats.ServerIdle):
//
//   - It rests on the first three connections that the server has closed while they were
//     idle, in different moments, after about the same time. A restart, which closes many
//     in one moment, shows nothing.
//   - From then on idle connections are retired sooner than that: by the time of a way there
//     and back and 2 ms, and by the difference between the three closes or a two-hundredth, whichever
//     is more. If that would be more than half of the time, only requests that can't be sent
//     again avoid older ones.
//   - Before that, a single close is a doubt, for 10 s and four times as long as the
//     connection was idle. Meanwhile a request that net/http could not send again is not
//     given a connection that was idle for more than four fifths of that.
//   - Each ten minutes one idle connection is left to the server, to see whether the time is
//     longer now. A connection that lives longer ends the belief.
//
// This prints the savings and the cost:
//
//	WARMCONN_FULL=1 go test -run ServersIdleLimit -v ./pool
//
// A path may die without a word: a NAT has forgotten the connections, and swallows the
// packets on them. The Pool finds that in two ways.
//
// First, HTTP/2 connections are pinged after 30 s in which nothing came, and closed when no
// answer has come for another 15 s, unless the transport's HTTP2 has a SendPingTimeout. (With
// one of many years no ping is sent.)
//
// Second, a request that times out is a sign, if its connection has worked before and not a
// byte of an answer came. Its context, http.Client or ResponseHeaderTimeout may have ended it.
// If the path proves dead, the connections to its host that have been idle since before the
// request are closed, at most once a second. Over HTTP/2 the request's own connection takes
// no more requests, and those that it has go on: see roundtripper.ReasonDead. The proof is
//
//   - on Linux, the kernel's: a server that is only slow has acknowledged the request. That
//     takes 200 ms and two round trips, so a shorter deadline shows nothing. It takes TCP's
//     second time-out, 600 to 800 ms, of a dialer that sends bytes of its own, or whose
//     NetConn leads to a socket with other bytes than are written; and where older data had
//     no acknowledgement yet when the silence began, as over HTTP/2 or in a long upload;
//   - elsewhere, and where the dialer's connections show no socket (syscall.Conn, or by
//     NetConn), a second request that timed out so after the first, if nothing has come from
//     the host between them.
//
// # What it finds
//
// The garbage collector finds response bodies that the program has dropped without closing
// them. They are reported, and their slot and connection come back. A body that is only open
// for long is reported if Options.LeakAfter says so, and left alone. A program that makes a
// transport for each request or two is told where it does so: see Leak.Transports. Package
// pooltest does the same for tests.
//
// While all slots are taken, requests wait, and none has moved for 200 ms, the Pool runs the
// collector by itself: at most once in 500 ms, or in a twentieth of the time for which no slot
// has moved, if that is longer; and for at most a twentieth of the time. That holds for each
// Pool by itself: of several that stall at once, each runs as many collections.
//
// Stats counts connections, Conns lists them, and Options.Listener is told of their lives.
//
// # What it never touches
//
// It never touches
//
//   - a body that anything in the program can still reach, however old;
//   - a request once it was sent: it is never failed, and tried again only where net/http
//     would;
//   - a transport that a clone would take something from: a Facade, or one with registered
//     protocols, another HTTP/2 implementation, or settings that net/http does not have.
//     It is not cloned, and its requests are only counted. The same goes for every
//     RoundTripper that is not net/http's. roundtripper.Describe says so, and why.
//
// HTTP/2 stays on where the transport would have spoken it. Over an HTTP/3 transport,
// quic-go's say, a connection is recognized by its two ends, and is one for all requests
// that it serves.
//
// A transport on which http2.ConfigureTransports of golang.org/x/net was called, as
// many SDKs do, is cloned like a plain one: net/http's own HTTP/2 gets the settings of its
// http2.Transport (ReadIdleTimeout, PingTimeout). Configure first, wrap last: later settings
// are missed. The shorter of the two IdleConnTimeouts holds. If the http2.Transport has a
// ConnPool or a TLS dialer of its own, the transport is left alone.
//
// The connections of the program's dialer are wrapped, to see them read and closed. Httptrace's
// GotConn may show that wrapper, or a *tls.Conn on it: to find the dialer's own, call
// NetConn, which both have, until it is there. The example of GotConn does so.
//
// # Where it stands
//
// Next to the transport: trace, drain, pool. Every other order works.
//
// # One request, one slot
//
// A request that is made in the middle of another one, by a middleware that stands between
// two layers of one Pool or fetches a token over it, would wait for a slot that the other one
// holds. So
//
//   - a request made with the context of one that has a slot, by a middleware or a
//     dialer, takes none and does not wait; a middleware does well to use that context
//     for requests of its own;
//   - where the Pool stands above and below a middleware, the slot is taken below, where
//     the request goes out. That is known from the start if all between have
//     roundtripper.Unwrap's methods, else from the first request on that has come
//     down with its context. An answer of such a middleware's own takes no slot;
//   - a request made in the middle of another, on its goroutine or on that of its dial,
//     without its context, takes a slot but does not wait for it, as often as requests
//     that have one wait for a middleware or a dial: so many more than the limit may
//     have one;
//   - when the context of a request ends and its middleware does not return, its slot is
//     lent to requests that wait, within 200 ms, for nothing is sent for it any more.
//
// In three cases a request still waits for the one that waits for it, until a deadline of
// either:
//
//   - a middleware that the Pool meets for the first time, that can't be looked through,
//     and that has its token fetched on another goroutine and without the context;
//   - a dialer that asks on another goroutine without the dial's context;
//   - a transport's Proxy function that asks the same client without the context of the
//     request which it is shown.
//
// If neither has a deadline, the request that waits is refused with ErrDeadlock. That is
// after 10 minutes in which no slot has moved, if for the last 5 all were held by requests
// that were in a dialer or a Proxy function, or waited for the response of a middleware or
// of a base that the Pool does not own. Use Exempt, or set WaitTimeout, where that is too
// long, and where the dialer is one for a proxy that forwards plain http, for a host's limit
// does not count that proxy's dials.
//
// # What the limit means over HTTP/2
//
// Over HTTP/1 an open body has its connection, and keeps its slot until it ends.
//
// Over HTTP/2, on connections that the Pool owns, a response that has wholly arrived holds
// nothing but memory: the unread part of its body, up to 4 MiB by default. Its stream is
// over, and the server is free. Its slot is lent to a request that would have to wait. So
// the limit is one of requests that are under way, and more bodies than that may be open,
// or leaked: Stats.InUse can be above the limit by as many. The open bodies of exempt
// requests lend nothing, and keep as many others on their connection from being lent.
//
// Over other bases no hook tells that a response has arrived: httptrace has no hook for
// the end of a stream, a body does not show how much of it is buffered, and to read ahead of
// the caller would take the back-pressure from every stream. There a body keeps its
// slot until its end, over HTTP/2, too, and a leaked one until the collector finds it.
// Where leaks hold all slots, requests wait for that, up to half a second each time, and
// longer where nothing has moved for more than 10 s.
//
// # What it costs
//
// The pool's part of an exchange is some 100 ns, and nothing allocated. To take a request's
// stack costs more, and most requests have none taken:
//
//   - The first 512 requests to each of the first 512 hosts have their stack taken, those to
//     a host that has leaked or is suspected, and one in 64 of the others. The first ones to
//     other hosts have, too, once there was a leak, and so have eight after each connection
//     that a request has cost whose own stack was not taken.
//   - With AlwaysCaller all have: over a base that answers at once a request takes 1.6 to
//     2.0 times as long, 1.5 to 2.5 µs more.
//   - With LeakAfter a request takes 1.2 times as long if no other body of the host is open,
//     for the alarm is set and stopped again, and 1.0 to 1.1 times if others are, 10,000
//     say. Each open body is 128 bytes.
//   - A new transport takes 1.1 times as long to make if there is an OnLeak.
//
// These print the figures:
//
//	BenchmarkMiddleware          an exchange, beside the same one without the pool's part
//	BenchmarkAcquire             the slot alone, 30 to 150 ns by the options
//	BenchmarkHosts               with -cpu: hosts share no lock, and their connections have none either
//	TestHostileSizeStaysSmall    in the module's root: how much memory a million hosts leave behind
//	BenchmarkNewHost             in package trace: the first request to a host
//
// The module in benchmarks compares the queue with a semaphore and with net/http's own
// limit.
//
//	go test -run '^$' -bench 'Caller|LeakAfter|Suspects|Build' ./pool
//
// # When a request is finished
//
// A slot is held until the response body has come to EOF, was closed (and
// drained, if the stack drains) or failed; until RoundTrip has failed; until a
// 101, for then the connection is the caller's and no HTTP connection any more;
// or until the collector has found the body dropped.
//
// In a testing/synctest bubble every body must be closed: the collector works
// outside of it, and the runtime ends a program that wakes a bubble from there.
//
// # Dropped clients
//
// When the last client over a base is dropped, the collector closes the idle
// connections of the clone, so that a client for each request, bad as it is,
// leaves none open for good. An *http.Transport that Transport returned can't be
// reclaimed that way: its own connections keep it alive, as always in net/http.
package pool
