package connpool

import (
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// Options says how many connections are kept, and for how long. The zero value
// keeps all of them for good.
type Options struct {
	// MaxIdlePerHost is the most idle connections for one host, MaxIdle for all hosts
	// together. Zero: no limit; a negative MaxIdlePerHost: none is kept over HTTP/1.
	MaxIdlePerHost, MaxIdle int
	// IdleTimeout is how long a connection may be idle. Zero: no limit.
	IdleTimeout time.Duration
	// MaxAge retires a connection at that age, less up to a tenth: each connection has a
	// share of its own in that. Zero: never.
	MaxAge time.Duration
	// MaxUses retires a connection after that many requests. Zero: never.
	MaxUses int
	// MaxConns is the most connections to one host, also over HTTP/2; further requests
	// wait. Zero: no limit. See Policy.MaxConns for the limit over HTTP/1 alone.
	MaxConns int
	// DecayEvery is how often half of the connections that were not needed since
	// the last time are closed, down to DecayFloor. Zero: never.
	DecayEvery time.Duration
	DecayFloor int
	// MinIdle is how many idle connections, over HTTP/1, decay and IdleTimeout leave to a
	// host that is in use: see floor.go. Zero: none.
	MinIdle int
	// Resolve is how often the name of a host is looked up again, by LookupNetIP, while
	// connections to it are open. A connection to an address that the name no longer has
	// is retired. Zero: never. LookupNetIP is like net.Resolver's for "ip"; nil means
	// net.DefaultResolver's.
	Resolve     time.Duration
	LookupNetIP LookupFunc
	// MinHTTP2 is how many connections are made, as requests need them, to a host that
	// speaks HTTP/2, before two requests share one. MaxStreams is how many streams one
	// connection has before another is made. Zero: a connection has as many streams as its
	// server allows. See spread.go.
	MinHTTP2, MaxStreams int
	// StreamsOver is told how many more, or fewer, exchanges with a host have come to the
	// end of their HTTP/2 stream and have not ended: their bodies have arrived and are not
	// read. N is the difference. Exempt exchanges are not counted; an exchange is counted
	// no longer when its End returns. It runs under the host's lock. Nil: not wanted.
	StreamsOver func(host ledger.Key, n int)
	// Ended is called after Shutdown, for each connection that is closed and each dial that
	// is over: see Left. It runs under the host's lock. Nil: not wanted.
	Ended func()
	// TLSSessions is how many TLS sessions are kept to be resumed, where the base's
	// configuration allows that: see sessionsOff. Zero: none.
	TLSSessions int
	// Life is told of the events of connections' lives, for each host one after another,
	// under no lock and on a goroutine of its own.
	Life Life
}

// Pool owns the connections of one transport. It is safe for concurrent use. Use
// New.
type Pool struct {
	opts   Options
	ledger *ledger.Ledger // connection IDs, totals and subscribers

	transport     *http.Transport // the private clone, as New got it
	dial          dialFunc        // the base's
	proxy         func(*http.Request) (*url.URL, error)
	keepAlivesOff bool          // DisableKeepAlives: no connection is kept, also over HTTP/2
	keepsNoIdle   bool          // a negative MaxIdlePerHost: none is kept over HTTP/1
	mayHTTP2      bool          // https connections may turn out to speak HTTP/2
	priorHTTP2    bool          // http connections speak HTTP/2 from the start
	pingTimeout   time.Duration // HTTP/2: how long an answer to a ping may take; 0: no pings
	listened      bool          // Options.Life has a func
	strict        bool          // HTTP/2: requests wait at a connection's limit of streams
	foreignTLS    dialFunc      // the program's own dialer for TLS to the first hop; nil if it has none

	clones  atomic.Pointer[clones] // the clones that dial
	renewed renewed

	hosts hosts
	idle  idleTotal

	keys      *contextKeys
	lookups   lookups
	uses      atomic.Uint64 // the last Entry's number
	closeIdle atomic.Bool   // CloseIdleConnections was called, and no request came since
	shutDown  atomic.Bool   // Shutdown: nothing is kept any more

	remembered atomic.Int32 // hosts that are kept though they have no request and no connection

	// onEdge sees each edge of a connection's life, and onEntryEdge each of an exchange's;
	// for tests.
	onEdge      func(c *Conn, from, to state)
	onEntryEdge func(from, to phase)
}

// keepsAlive reports whether connections are used more than once.
func (p *Pool) keepsAlive(http2 bool) bool {
	return !p.keepAlivesOff && (http2 || !p.keepsNoIdle)
}

// passesOn reports whether a dial may serve another request than its own. Where no
// connection is kept it may not: each request is promised one that was made for it.
func (rt *route) passesOn() bool { return rt.host.pool.keepsAlive(rt.protocol == http2) }

// CloseIdleConnections closes the idle connections and, like net/http's, also connections in
// use that come back before the next request. Dials that no request waits for are broken
// off.
func (p *Pool) CloseIdleConnections() {
	p.closeIdle.Store(true)
	p.hosts.each(func(h *Host) { h.closeIdle(loss.ClosedIdle) })
}

// Over reports whether Shutdown was called.
func (p *Pool) Over() bool { return p.shutDown.Load() }

// Shutdown closes the connections that are idle, or on which a body is drained after its
// Close; and from now on each of the others as soon as no request has it.
func (p *Pool) Shutdown() {
	p.shutDown.Store(true)
	p.hosts.each(func(h *Host) {
		h.closeIdle(loss.ClosedIdle)
		h.breakDrains()
	})
}
