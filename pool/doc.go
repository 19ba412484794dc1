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
// A request over the limit of its host waits in a queue, first come first
// served, and may be refused by WaitTimeout or MaxWaiting; at once if it would
// wait in vain (RefuseHopeless); or when its turn comes too late (ShedTarget).
// Hosts can have limits of their own. The zero Options limit nothing.
//
// Over a plain *http.Transport, which is left as it is, the Pool owns the
// connections: it dials them by a private clone, chooses one for each request, and
// retires them; net/http speaks the protocol on them, does TLS, proxies and HTTP/2.
// A request takes an idle connection, or waits for the first of two: another's
// connection that comes free, or a dial of its own. So there are never more dials than
// requests that wait for one. Where the protocol is not known yet one dial stands for all
// requests that wait, a second one after 100 ms if the first shows no progress, and after 500 ms each has its own;
// where the host has spoken HTTP/2 one serves all of them. HTTP/2 over several connections:
// see MinHTTP2Conns and MaxStreamsPerConn. The Pool remembers a host for twice as
// long as it has been in use, an hour at most, though its connections have idled out.
//
// Over HTTP/1 there are never more connections to a host than MaxPerHost, in whatever
// state: handshakes, those whose requests have given up, those whose bodies are
// drained. One that is idle on another way (through another proxy), or a dial that is
// no request's any more, makes room. Those to a proxy that forwards plain http serve
// requests to all hosts, and are bounded together. For Exempt requests others come on
// top.
//
// As many idle connections are kept as the host has needed of late; see
// MaxIdlePerHost. A transport's limit per host is 2 by default. Connections that have
// come to IdleTimeout, MaxConnAge or the time that the server has announced in
// Keep-Alive are closed where they lie idle, under the lock that hands them out; one
// that is in use is not kept after its request. Over HTTP/2 a busy one takes no more
// streams once its successor is there, the server's SETTINGS too. Connections to an address that
// the host's name has left are retired in the same way, if Options.Resolve says so.
//
// Most servers close idle connections after a time that they do not announce, and a
// request that crosses such a close fails, unless net/http can send it again: a POST
// can't be. So the Pool learns the time, of each host, from the first three connections
// that the server has closed while they lay idle, in different moments, after about the
// same time (HostStats.ServerIdle). A restart, which closes many in one moment, shows nothing. Idle
// connections are retired by as much sooner as a way there and back takes and as the
// closings differed, and a two-hundredth. Before that one closing is a doubt, for
// 10 s and four times as long as the connection was idle: a request that net/http could
// not send again is not given a connection that was idle for more than four fifths of
// that. Each ten minutes one idle connection is left to the server, to see whether the time
// is longer now; and one that lives longer than was believed ends the belief. This prints the savings and the cost:
//
//	WARMCONN_FULL=1 go test -run ServersIdleLimit -v ./pool
//
// The clone is the Pool's own: a program that finds it by
// roundtripper.Unwrap must not send requests over it. Names that are not in ASCII are
// spelled as net/http spells them, and are hosts like all others.
//
// Warm makes connections before requests need them, and MinIdlePerHost keeps so many of a
// host in use, whatever decay and IdleTimeout say. Shutdown ends the Pool in order.
//
// Over every other base the Pool bounds requests, and knows of connections what
// httptrace and the bodies show; MaxConnAge, MaxConnRequests, Resolve, MaxIdlePerHost and
// IdleTimeout do nothing. What Transport returns is net/http's own pool, tuned.
//
// A response body that the program has dropped without closing it is found by
// the garbage collector and reported, and its slot and connection come back. One
// that is only open for long is reported if Options.LeakAfter says so, and is
// left alone. A program that makes a transport for each request or two is told
// where it does so: see Leak.Transports. Package pooltest does the same for tests.
//
// Where all slots are taken, and none has moved for 200 ms though requests wait,
// the Pool runs the collector by itself: at most once in 500 ms, for at most a
// twentieth of the time, and in a twentieth of the time for which nothing has moved
// once. That holds for each Pool; several that stall at once, in
// one program, run as many.
//
// Stats counts connections, Conns lists them, and Options.Listener is told of their lives.
// With Options.TLSSessions the handshakes of new ones resume sessions of earlier ones.
//
// # What it never touches
//
// A body that anything in the program can still reach, however old. A request
// once it was sent: it is never failed, and tried again only where net/http would.
// A transport that a clone would take something from is not cloned, and its requests are only counted: a Facade, a transport with registered protocols
// or another HTTP/2 implementation. The same goes for every RoundTripper that
// is not net/http's. roundtripper.Describe says which it is, and why. HTTP/2 stays
// on where the transport would have spoken it. Over an HTTP/3 transport, quic-go's say,
// connections are told by their two ends, one for all requests that it serves.
//
// A transport on which http2.ConfigureTransports of golang.org/x/net was called, as
// many SDKs do, is cloned like a plain one: net/http's own HTTP/2 gets the settings of its
// http2.Transport (ReadIdleTimeout, PingTimeout). Configure first, wrap
// last: later settings are missed. Of the two IdleConnTimeouts the shorter
// holds. A transport with settings that net/http does not have is left alone: a ConnPool, a TLS dialer of the
// http2.Transport's own.
//
// A path may die without a word: a NAT has forgotten the connections, and swallows the packets
// on them. HTTP/2 connections are pinged after 30 s in which nothing came, and
// closed when no answer has come for another 15 s, unless the transport's HTTP2 has a
// SendPingTimeout (one of many years: none is sent). When a request has timed out without a
// byte of an answer, on a connection that has worked before, by its context, http.Client or
// ResponseHeaderTimeout, and the path is dead, then the connections to its host that have lain
// idle since before are closed, at most once a second, and over HTTP/2 its own takes no more
// requests, while those that it has go on: see roundtripper.ReasonDead. On Linux the kernel
// tells a dead path from a slow server, which has acknowledged the request: that takes 200 ms
// and two round trips, so that a shorter deadline shows nothing. Elsewhere, and where the
// dialer's connections show no socket (syscall.Conn, or by NetConn), a second request must
// have timed out so, after the first, and nothing have come from the host between them.
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
// A middleware that stands between two layers of one Pool, or that makes requests of
// its own over it, say for a token, would have a request wait for itself. So
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
// There remain three: a middleware that the Pool meets for the first time, that can't be
// looked through, and that has its token fetched on another goroutine and without
// the context; a dialer that asks on another goroutine without the dial's context; and a
// transport's Proxy function that asks the same client without the context of the request
// which it is shown. Such a request waits until the one that waits for it comes to its
// deadline. If neither has one, it is refused with ErrDeadlock after 10 minutes in which
// no slot has moved, if for the last 5 all were held by requests that were in a dialer or
// a Proxy function, or waited for the response of a middleware or of a base that the Pool
// does not own. Use Exempt, or set WaitTimeout, where that is too long, and where the
// dialer is one for a proxy that forwards plain http, of which a limit for each host
// knows nothing.
//
// # What the limit means over HTTP/2
//
// Over HTTP/1 an open body has its connection, and keeps its slot until it ends. Over
// HTTP/2, on connections that the Pool owns, a response that has wholly arrived holds
// nothing but memory, its body's part that is not read yet, up to 4 MiB by default: its stream is
// over, and the server is free. Its slot is lent to a request that would have to wait.
// So the limit is one of requests that are under way, and more bodies than that may be
// open, or leaked: Stats.InUse can be above the limit by as many. What an exempt
// request has open lends nothing, and keeps as many others on its connection from
// being lent.
//
// Over other bases no hook tells that a response has arrived: httptrace has no hook for
// the end of a stream, a body does not show what lies in it unread, and to read ahead of
// the caller would take the back-pressure from every stream. There a body keeps its
// slot until its end, over HTTP/2, too, and a leaked one until the collector finds it.
// Where leaks hold all slots, requests wait for that, up to half a second each time, and longer where nothing has
// moved for more than 10 s.
//
// # What it costs
//
// BenchmarkMiddleware in this package prints it, next to the same exchange
// without the pool's part: some 100 ns, and nothing allocated. BenchmarkAcquire
// prints that of the slot alone, 30 to 150 ns by the options.
// BenchmarkHosts shows with -cpu that hosts share no lock, and their connections
// have none either; TestCrawlerStaysSmall prints what a million hosts
// leave behind. The module in benchmarks compares the queue with a
// semaphore and with net/http's own limit. The first 512 requests to each of
// the first 512 hosts, those to a host that has leaked or is suspected and one in
// 64 of the others also have their stack taken; the first ones to other hosts, too,
// once there was a leak. BenchmarkNewHost in package trace prints what the first
// request to a host costs. With AlwaysCaller all have: over a base that
// answers at once a request takes 1.6 to 2.0 times as long, 1.5 to 2.5 µs more.
// With LeakAfter it takes 1.2 times as long if no other body of the host is open,
// for the alarm is set and stopped again, and 1.0 to 1.1 times if others are,
// 10,000 say. Each open body is 128 bytes. A new transport takes 1.1 times as
// long to make if there is an OnLeak.
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
