package pool

import (
	"context"
	"net/netip"
	"runtime/pprof"
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

	// RefuseHopeless refuses a request at once, with ErrWaitTimeout, if it would
	// have to wait for longer than its context or WaitTimeout leaves it. The
	// prediction is the time for which slots were held of late, times the number
	// of requests up to this one, divided by the number of slots. There is none
	// before twice as many requests as there are slots, and 16 at least, have
	// ended while every slot was in use, nor for a request without a deadline.
	//
	// Predictions err. This is for 4000 requests with 20 ms to 1 s each, at 1.5
	// times the load that 8 slots can serve. The columns are: how slots are held;
	// how many requests were refused; how many of these would have got a slot in
	// time; how many waited in vain with the option; and how many without it.
	// (go test -run SeldomWrong -v ./pool has other loads, too.)
	//
	//	constant        1201    6    3   1204
	//	exponential     1034   36   41   1070
	//	lognormal       1348  147  160   1479
	//	1 in 20 long     939  211  214   1162
	//	steps, 4 times  1801  101  352   2083
	//
	// If all requests have the same deadline, the queue settles at the length at
	// which one more request is as likely to get a slot in time as not. Then most
	// of the refused requests would have got one, in place of another request.
	// Mostly they would have got it at the last moment. But where 1 in 20 holds is
	// long, at twice the load, 842 of 1421 had a quarter of their deadline to
	// spare, and 1914 were served instead of 2140. Elsewhere about as many are
	// served with the option as without.
	RefuseHopeless bool
	// ShedTarget is a wait that a queue under its usual load stays below. When, for
	// a ShedInterval, every request has waited for longer than that, the queue is
	// overloaded. As long as it is, a request whose turn comes after more than
	// twice the target is refused with ErrShed, and the slot goes to the next one.
	// So requests that are served are served soon, and not just before their
	// callers give up. The last one in a queue is never shed. Zero or negative
	// means never.
	//
	// This is for 1.5 times the load that 64 slots, held for 200 ms, can serve, and
	// callers that give up after 1 s. In time is how much was served in time, of all
	// that the slots can serve; median and p99 are the waits of these requests.
	// (go test -run KeepsServiceInTime -v ./pool)
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

	// MaxIdlePerHost is the number of idle connections to one host that are kept.
	// It takes the place of the transport's MaxIdleConnsPerHost, also of one that
	// the program has set. Negative means none. Zero means that the number follows
	// use, down to 8: every sixth of IdleTimeout, but not sooner than after 1 s nor
	// later than after 30 s, half of the connections that were not needed at the
	// busiest moment since the last time are closed. The transport's MaxIdleConns
	// holds for all hosts together.
	MaxIdlePerHost int
	// MinIdlePerHost is a floor: while a host is in use, so many of its idle connections,
	// over HTTP/1, are not closed for being too many, nor for IdleTimeout. A host is in use
	// while it has a request, and for IdleTimeout after the last one, or after Warm; then
	// the floor ends. It makes no connections: one that the server closes is not dialed
	// again before a request or Warm needs it. Zero or negative means that MaxIdlePerHost
	// alone decides. Over HTTP/2 a host needs one connection, and a host in use keeps it.
	//
	// Other limits go before the floor: MaxIdlePerHost and the transport's MaxIdleConns
	// where they are smaller, MaxConnAge, the time that the server announces in Keep-Alive,
	// and the time that it has shown (HostStats.ServerIdle). But if a program has set
	// IdleTimeout below a server's limit, so that no request meets a connection that is
	// being closed, the floor's connections outlive that IdleTimeout, until the Pool has
	// learned the server's limit. There set MaxConnAge below it, too.
	MinIdlePerHost int
	// IdleTimeout is how long a connection is kept idle, in place of the
	// transport's IdleConnTimeout. Zero means the transport's own, or 90 s if
	// it has none; negative means no limit. A server's own limit holds if it is
	// shorter: the time in Keep-Alive, less 1 s or half of it, or the time that the
	// server has shown, see HostStats.ServerIdle.
	IdleTimeout time.Duration
	// MaxConnAge is how old a connection may be when it is given to a request.
	// Each connection has an age of its own, up to a tenth less, so that
	// connections of one moment do not end in one. It is closed while it is idle,
	// or else after the request that has it; over HTTP/2 a busy one takes no more
	// streams once its successor is there. No request fails for it, and none
	// carries Connection: close. Zero or negative means never. It does nothing
	// where the pool does not own the connections: over a base that is not a plain
	// *http.Transport, and for requests that go directly to a transport from
	// Transport.
	MaxConnAge time.Duration
	// MaxConnRequests is the number of requests that a connection serves. After them
	// it is retired as by MaxConnAge. Over HTTP/2 a few more may come before its
	// successor is there. Zero or negative means no limit.
	MaxConnRequests int

	// TLSSessions is the number of TLS sessions that are kept for new connections to
	// resume; the least recently used goes first. A resumed handshake takes no certificates
	// and no signatures, less than half of the time on loopback, and over TLS 1.2 a round
	// trip less (go test -run ResumedHandshakes -v ./pool). See Exchange.Resumed. A
	// transport has one such cache, and another for requests that need HTTP/1; they belong
	// to the Pool's private clone. After a server has renewed its certificate, resumed
	// connections still show the one of the first handshake. Zero or negative means none.
	//
	// It changes nothing over a base that has
	//
	//   - a ClientSessionCache of its own, or SessionTicketsDisabled;
	//   - a VerifyPeerCertificate or GetClientCertificate, which a resumed handshake would
	//     not call (it does call VerifyConnection);
	//   - a TLS dialer of its own.
	//
	// roundtripper.Describe says so. A TLSClientConfig that CloseIdleConnections takes over
	// begins without sessions. A transport from Transport keeps none.
	TLSSessions int

	// Listener is told when connections are opened, given to requests, given back,
	// retired and closed. The zero value is told nothing.
	Listener ConnListener
	// Resolve is how often the name of a host is looked up again while connections to
	// it are open. An address has gone once three answers in a row, each an interval after
	// the one before, have left it out, and an earlier one has given it. Then its
	// connections are retired as by MaxConnAge, for roundtripper.ReasonAddressGone;
	// connections to other addresses stay. New connections go where the transport's dialer
	// goes, as ever. Zero or negative means never; less than 1 ms counts as 1 ms. 30 s is a
	// good value: a name service that caches an answer for longer repeats it.
	//
	// Some answers do not count:
	//
	//   - a lookup that fails or finds nothing;
	//   - one without an IPv6 address, for IPv6 addresses, and one without an IPv4 address,
	//     for IPv4 addresses;
	//   - one that has little in common with the one before.
	//
	// Where answers rotate, nothing is retired: see HostStats.Rotates. Before that shows,
	// chance may retire the connections to an address once: one time in four, if each
	// answer is one of two addresses (go test -run DrawnFromMany -v ./internal/connpool).
	//
	// These connections are left alone:
	//
	//   - to a host that is an address itself;
	//   - through a proxy;
	//   - with a RemoteAddr that is no *net.TCPAddr;
	//   - to an address that no lookup has given, because the dialer goes elsewhere.
	//
	// If the dialer uses an address for longer than lookups give it, a new connection to it
	// is retired after 16 answers, three times at most. Resolve does nothing where
	// MaxConnAge does nothing.
	//
	// A host has one lookup at a time, and the hosts of one transport have 16 at most. A
	// lookup is given up after 10 s. A host's first one comes with its first connection. No
	// request waits for one.
	Resolve time.Duration
	// LookupNetIP looks a name up for Resolve. Set it to the LookupNetIP of the net.Resolver
	// that the transport's dialer uses, with "ip" for the network. It must be safe for
	// concurrent use, and return when its context ends. It must not hold the Pool's client,
	// or a dropped client could not be found. Nil means that of net.DefaultResolver, which
	// dialers use that were given no Resolver.
	LookupNetIP func(ctx context.Context, host string) ([]netip.Addr, error)
	// MinHTTP2Conns is the number of connections over which the requests to a host that
	// speaks HTTP/2 are spread: for a balancer that gives each connection to one backend, or
	// a network that bounds the rate of one connection. They are made as they are needed:
	// while there are fewer, a request that would share a connection has one more dialed. It
	// does not wait for that, and takes a stream of an open one. Each request gets the
	// connection with the fewest streams. Connections that are not needed are idle until
	// IdleTimeout. The NewReason of an additional one is all_busy. A busy connection whose
	// end the server announces (GOAWAY) has its successor dialed at once; a value of 1 does
	// that and no more. The transport's MaxConnsPerHost bounds the connections; MaxPerHost
	// is a limit of requests. Zero or negative means that requests share one connection for
	// as long as that has a stream left.
	MinHTTP2Conns int
	// MaxStreamsPerConn is the number of streams that an HTTP/2 connection has at once
	// before another one is dialed. A request that finds as many on each connection waits
	// for the new one, or for a stream that ends, whichever comes first. It holds beside the
	// limit that the server sets, and spreads requests as MinHTTP2Conns does. It is no limit
	// of requests: where another connection can't be had, because the transport's
	// MaxConnsPerHost is reached, or dialing fails or takes far longer than usual,
	// connections take more streams, and as long as they do one more is dialed every 500 ms.
	// Zero or negative means that the server's limit alone holds.
	MaxStreamsPerConn int

	// OnLeak is called once for each of these:
	//
	//   - a response body that was dropped without being closed, after its slot came back;
	//   - a response body that is suspected: see LeakAfter;
	//   - a place that makes transports which are hardly used: see Leak.Transports.
	//
	// It must be safe for concurrent use; it may block, and use the Pool. It must not hold
	// the Pool's client, or a dropped client could not be found. Nil means that leaks are
	// only healed and counted.
	OnLeak func(Leak)
	// OnWarning is told when a program builds a chain in which the Pool can't do its work:
	// today, over a base whose connections it can't own, unless a stack below is seen to own
	// them. It is called once for each type of base and cause, by Middleware, before that
	// returns, with no lock held. It must be safe for concurrent use, because programs may
	// build chains concurrently, and may use the Pool. Nil means that only
	// roundtripper.Describe says so.
	OnWarning func(Warning)
	// LeakAfter is how long a response body may be open before it is reported to OnLeak as
	// suspected, once. The time counts from the response; the wait in the queue and in
	// RoundTrip does not count. Nothing is taken away, for the body may be a stream, or its
	// caller slow. If the collector finds later that the body was dropped, that is a second
	// report. Zero or negative means never.
	LeakAfter time.Duration
	// AlwaysCaller takes the stack of every request, so that Leak.Caller is
	// never empty, and lets InFlight list them: for tests, and to hunt for a
	// leak. False means a sample; see the package doc for what each costs.
	AlwaysCaller bool
	// OpenBodies, a profile that the program has made,
	//
	//	var openBodies = pprof.NewProfile("warmconn.open_bodies") // runtime/pprof
	//
	// has the response bodies that are open, from when the response came to the body's end,
	// by the stack of who made the request: net/http/pprof shows it under its name. Those of
	// dropped bodies leave it when the collector has found them. Several Pools may share it. It
	// has the requests whose stack is taken: see AlwaysCaller. What that costs, and once
	// more what it costs to take a stack, is all that it does. Bodies of Exempt requests are not
	// in it. Nil means none.
	OpenBodies *pprof.Profile
}
