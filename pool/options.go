package pool

import (
	"context"
	"net/netip"
	"time"
)

// Options configures a Pool. The zero value limits nothing and is right for
// most programs.
type Options struct {
	// MaxPerHost is the most requests in flight to one host: scheme, name and
	// port. Where the pool owns the connections it bounds those over HTTP/1,
	// too, but for those that Exempt requests need. A program that makes a
	// request to a host while it holds a body of the same host can wait for
	// itself, but over HTTP/2 not for bodies that have arrived: see the package
	// doc. Zero or negative means no limit.
	MaxPerHost int
	// MaxTotal is the most requests in flight to all hosts together. Hosts take
	// turns at it: one with many waiters doesn't starve the others. Zero or
	// negative means no limit.
	MaxTotal int
	// MaxWaiting is the most requests that wait in one queue; one more is
	// refused with ErrQueueFull. Zero means no limit; negative means that none
	// waits.
	MaxWaiting int
	// WaitTimeout is the longest that a request waits in a queue before it is
	// refused with ErrWaitTimeout. Zero or negative means as long as its
	// context lasts.
	WaitTimeout time.Duration

	// Hosts are limits of single hosts. A key is a host as in Stats,
	// "https://api.example.com:443", the scheme's own port optional; or without
	// the scheme, "api.example.com:443", for any; or a name alone,
	// "api.example.com", for any port too. The longest wins. New copies the map.
	Hosts map[string]Limits
	// HostLimits is asked for the limits of a host that Hosts does not list, by
	// its name as in Stats, when the host is first used and again after it was
	// forgotten; false means none of its own. It must be safe for concurrent
	// use and must not block: that request waits for it. It may call Stats.
	HostLimits func(host string) (Limits, bool)

	// RefuseHopeless refuses a request at once, with ErrWaitTimeout, that would
	// have to wait for longer than its context or WaitTimeout leaves it: as long
	// as slots were held of late, times those ahead of it and itself, divided by
	// the slots. It never does so before two slots' worth of requests each, and
	// 16 in all, have ended while every slot was in use, nor for a request
	// without a deadline.
	//
	// Predictions err. Of 4000 requests with 20 ms to 1 s each, at 1.5 times
	// what 8 slots can serve, this many were refused, refused but would have
	// got a slot in time, and waited in vain with the option and without it,
	// by how slots are held (go test -run SeldomWrong -v ./pool; the test has
	// other loads and describes the columns):
	//
	//	constant        1201    6    3   1204
	//	exponential     1034   36   41   1070
	//	lognormal       1348  147  160   1479
	//	1 in 20 long     939  211  214   1162
	//	steps, 4 times  1801  101  352   2083
	//
	// Where all requests have the same deadline, the queue stands where one more
	// is as likely to make it as not: most of those that are refused then would
	// have, in place of another. Mostly that is a narrow thing; but where 1 in 20
	// holds is long, at twice the load, 842 of 1421 had a quarter of their
	// deadline to spare, and 1914 were served instead of 2140. Elsewhere about as
	// many are served either way.
	RefuseHopeless bool
	// ShedTarget is a wait that a queue under its usual load stays below. When
	// no request was given a slot sooner for a ShedInterval, the queue is
	// overloaded: until it is not any more, a request whose turn comes after
	// more than twice the target is refused with ErrShed, and the slot goes to
	// the next. So the served ones are served soon, and not just before
	// their callers give up. The last one in a queue is never shed. Zero or
	// negative means never.
	//
	// At 1.5 times what 64 slots, held for 200 ms, can serve, for callers that
	// give up after 1 s, this part of what the slots can serve was served in
	// time, after a wait of (go test -run KeepsServiceInTime -v ./pool)
	//
	//	target   in time   median      p99
	//	0            33%   850 ms   886 ms
	//	5 ms        100%    18 ms    91 ms
	//	20 ms       100%    38 ms   269 ms
	//	50 ms       100%    96 ms   576 ms
	//
	// Slots must come free several times within the target, or chance decides.
	ShedTarget time.Duration
	// ShedInterval is how long it takes to call a queue overloaded, and to think
	// better of it. Zero or negative means 20 times ShedTarget, as in CoDel.
	ShedInterval time.Duration

	// MaxIdlePerHost is how many connections to one host are kept idle, in
	// place of the transport's MaxIdleConnsPerHost, also of one that was set.
	// Negative means none. Zero means that it follows use: a sixth of
	// IdleTimeout at a time, at least 1 s and at most 30 s, half of the
	// connections that were not needed at its busiest moment are closed, down
	// to 8. The transport's MaxIdleConns holds for all hosts together.
	MaxIdlePerHost int
	// MinIdlePerHost is a floor: so many idle connections, over HTTP/1, of a host that is
	// in use are not closed for being too many, nor for IdleTimeout. A host is in use
	// while it has a request, and for IdleTimeout after the last one, or after Warm; then
	// all of them go as they would without. The floor makes none. What a server closes is
	// not dialed again before a request or Warm asks for it, and a server that closes idle
	// connections sooner leaves none for the floor to keep. It says so in Keep-Alive, or
	// has shown so (HostStats.ServerIdle), or MaxConnAge is set below its limit: all hold
	// for the floor's, too, as do MaxIdlePerHost and the transport's MaxIdleConns where they are smaller. Until
	// one does, an IdleTimeout that was set below a server's limit, so that no request meets
	// a connection that is being closed, no longer does that for the floor's. Over HTTP/2
	// one connection is all that a host needs, and a host in use keeps it.
	// Zero or negative means none but what MaxIdlePerHost says.
	MinIdlePerHost int
	// IdleTimeout is how long a connection is kept idle, in place of the
	// transport's IdleConnTimeout. Zero means the transport's own, or 90 s if
	// it has none; negative means no limit. Where a server says in Keep-Alive
	// that it waits for less, less 1 s or half of it, that holds; and where it has
	// shown so, see HostStats.ServerIdle.
	IdleTimeout time.Duration
	// MaxConnAge is how old a connection may be when it is given to a request.
	// Each has an age of its own, up to a tenth less, so that those of one
	// moment do not end in one. It is closed while it is idle, or else after the
	// request that has it; over HTTP/2 a busy one takes no more streams once its
	// successor is there. No request fails for it, and none says Connection:
	// close. Zero or negative means never. It does nothing where the pool does
	// not own the connections: over a base that is not a plain *http.Transport,
	// and for requests that go right to what Transport returned.
	MaxConnAge time.Duration
	// MaxConnRequests is how many requests a connection serves, retired as by
	// MaxConnAge. Over HTTP/2 a few more may come before its successor is there.
	// Zero or negative means no limit.
	MaxConnRequests int

	// TLSSessions is how many TLS sessions are kept, least recently used first out, for
	// new connections to resume: a handshake then takes no certificates and no
	// signatures, less than half of its time on loopback, and over TLS 1.2 a round trip
	// less (go test -run ResumedHandshakes -v ./pool). See Exchange.Resumed. A transport
	// has one or two such caches, and they are the Pool's private clone's alone: one for
	// what it asks with, and one for requests that need HTTP/1. Where the server renewed
	// its certificate, resumed connections go on with what the first handshake has shown.
	//
	// It changes nothing over a base that has a ClientSessionCache of its own or
	// SessionTicketsDisabled; a VerifyPeerCertificate or GetClientCertificate, which a
	// resumed handshake would not call (it does call VerifyConnection); or a TLS dialer
	// of its own. roundtripper.Describe says so. A TLSClientConfig that CloseIdleConnections
	// takes over begins without sessions. What Transport returns keeps none. Zero or
	// negative means none.
	TLSSessions int

	// Listener is told when connections are opened, given to requests, given back,
	// retired and closed. The zero value is told nothing.
	Listener ConnListener
	// Resolve is how often the name of a host is looked up again while connections to
	// it are open. Once three answers in a row, each an interval after the one before,
	// have left an address out that an earlier one gave, its connections are retired as
	// by MaxConnAge, and those to other addresses stay. The reason is
	// roundtripper.ReasonAddressGone. New connections go where the transport's dialer
	// goes, as ever. Zero or negative means never; less than 1 ms counts as 1 ms.
	// 30 s is a good value: what a name service keeps for longer, it answers again.
	//
	// A lookup that fails or finds nothing says nothing; nor does one without an IPv6
	// address say anything of those, nor one without an IPv4 address of the others.
	// Answers that have little in common with the one before don't count. Where answers
	// rotate, nothing is retired: see HostStats.Rotates. Before that shows, chance may
	// retire the connections to an address once: one time in four, if each answer is one
	// of two addresses (go test -run DrawnFromMany -v ./internal/connpool).
	//
	// Left alone are hosts that are addresses themselves, connections through a proxy,
	// those whose RemoteAddr is no *net.TCPAddr, and those to an address that no lookup
	// has given, of a dialer that goes elsewhere. If the dialer gives an address for
	// longer than the lookup, a new connection to it is retired after 16 answers, three
	// times at most. Resolve does nothing where MaxConnAge does nothing.
	//
	// A host has one lookup at a time, the hosts of one transport 16 together, and each
	// is given up after 10 s. A host's first comes with its first connection. No request
	// waits for one.
	Resolve time.Duration
	// LookupNetIP is how Resolve looks a name up: that of the net.Resolver by which the
	// transport's dialer does, with "ip" for the network. It must be safe for concurrent
	// use, and return when its context ends. It must not hold the Pool's client, or a
	// dropped client could not be found. Nil means net.DefaultResolver's, which a dialer
	// has that was given no Resolver.
	LookupNetIP func(ctx context.Context, host string) ([]netip.Addr, error)
	// MinHTTP2Conns spreads the requests to a host that speaks HTTP/2 over so many
	// connections: for a balancer that gives each connection to one backend, or a
	// network that bounds what one connection carries. They are made as they are
	// needed: a request that would share a connection, while there are fewer, has one
	// more dialed, does not wait for it, and takes a stream of those that are there.
	// Each request gets the connection with the fewest streams, and what is not needed
	// lies idle until IdleTimeout. The NewReason of one more is all_busy. A busy
	// connection of which the server announces the end (GOAWAY) has its successor
	// dialed at once; 1 means that alone. MaxConnsPerHost of the transport bounds
	// them; MaxPerHost is a limit of requests. Zero or negative means that requests
	// share one connection for as long as that has a stream left.
	MinHTTP2Conns int
	// MaxStreamsPerConn is how many streams an HTTP/2 connection has at once before
	// another one is dialed: a request that finds as many on each waits for that, or
	// for a stream that ends, whichever comes first. It is heeded beside the limit
	// that the server sets, and spreads requests as MinHTTP2Conns does. It bounds no
	// requests: where another connection can't be had, because MaxConnsPerHost of the
	// transport is reached, or dialing fails or takes far longer than usual, connections take
	// more, and one more is dialed every 500 ms as long as they do. Zero or negative means that
	// the server's limit alone holds.
	MaxStreamsPerConn int

	// OnLeak is called once for each response body that was dropped without
	// being closed, after its slot came back; for each that is suspected, see
	// LeakAfter; and for each place that makes transports which are hardly
	// used, see Leak.Transports. It must be safe for concurrent use; it may
	// block, and use the Pool. It must not hold the Pool's client, or a dropped
	// client could not be found. Nil means that leaks are only healed and counted.
	OnLeak func(Leak)
	// OnWarning is told where a program keeps the Pool from what it is for, when it puts such
	// a chain together: today where it stands on a base whose connections it can't own, once
	// for each type of base and cause, and not where a stack below is seen to own them.
	// It is called by Middleware, before that returns, with no lock held; must be safe for
	// concurrent use, for programs may build chains concurrently; and may use the Pool.
	// Nil means that only roundtripper.Describe says so.
	OnWarning func(Warning)
	// LeakAfter is how long a response body may be open, from the moment the
	// response came, before it is reported to OnLeak as suspected, once. The
	// time until then does not count: in the queue, in RoundTrip. Nothing is
	// taken away: it may well be a stream, or a caller that is slow. If the
	// collector finds later that it was dropped, that is a second report. Zero
	// or negative means never.
	LeakAfter time.Duration
	// AlwaysCaller takes the stack of every request, so that Leak.Caller is
	// never empty, and lets InFlight list them: for tests, and to hunt for a
	// leak. False means a sample; see the package doc for what each costs.
	AlwaysCaller bool
}
