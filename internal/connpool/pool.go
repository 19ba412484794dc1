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
	// MaxIdlePerHost is the most connections that lie idle for one host, MaxIdle
	// for all hosts together. Zero: no limit; a negative MaxIdlePerHost: none is
	// kept over HTTP/1.
	MaxIdlePerHost, MaxIdle int
	// IdleTimeout is how long a connection may lie idle. Zero: no limit.
	IdleTimeout time.Duration
	// MaxAge retires a connection at that age, less its own part of a tenth.
	// Zero: never.
	MaxAge time.Duration
	// MaxUses retires a connection after so many requests. Zero: never.
	MaxUses int
	// MaxConns is the most connections to one host, HTTP/2's too; requests wait.
	// Zero: no limit. See Policy.MaxConns for the limit over HTTP/1.
	MaxConns int
	// DecayEvery is how often half of the connections that were not needed since
	// the last time are closed, down to DecayFloor. Zero: never.
	DecayEvery time.Duration
	DecayFloor int
	// MinIdle is how many idle connections, over HTTP/1, decay and IdleTimeout leave of a
	// host that is in use: see floor.go. Zero: none.
	MinIdle int
	// Resolve is how often the name of a host is looked up again, by LookupNetIP, while
	// connections to it are open; those to an address that it has left are retired.
	// Zero: never. LookupNetIP is as net.Resolver's for "ip", and net.DefaultResolver's
	// if it is nil.
	Resolve     time.Duration
	LookupNetIP LookupFunc
	// MinHTTP2 is how many connections are made to a host that speaks HTTP/2 before two
	// requests share one, as they are needed, and MaxStreams how many streams one has
	// before there is one more. Zero: one connection has as many as its server allows.
	MinHTTP2, MaxStreams int
	// StreamsOver is told of each change of how many exchanges with a host, those
	// that are exempt aside, have come to the end of their HTTP/2 stream and have not
	// ended: their bodies have arrived and are not read. N is the difference. Before
	// the End of an exchange returns, it is no longer among them. It runs under the
	// host's lock. Nil: not wanted.
	StreamsOver func(host ledger.Key, n int)
	// Ended is called when a connection is closed or a dial is over, after Shutdown: see
	// Left. It runs under the host's lock. Nil: not wanted.
	Ended func()
	// TLSSessions is how many TLS sessions are kept to be resumed, where the base's
	// configuration allows it: see sessionsOff. Zero: none.
	TLSSessions int
	// Life is told what happens to connections, a host's one after the other, without
	// a lock and on a goroutine of its own.
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
	keepAlivesOff bool          // DisableKeepAlives: over HTTP/2, too
	keepsNoIdle   bool          // a negative limit: the same, over HTTP/1 only
	mayHTTP2      bool          // https connections may turn out to speak HTTP/2
	priorHTTP2    bool          // http connections speak HTTP/2 from the start
	pingTimeout   time.Duration // HTTP/2: how long an answer to a ping may take; 0: none is sent
	strict        bool          // HTTP/2: a limit of streams is waited for
	foreignTLS    dialFunc      // the program's own for TLS to the first hop; nil if it has none

	clones  atomic.Pointer[clones] // that dial
	renewed renewed

	hosts hosts
	idle  idleTotal

	keys      *contextKeys
	lookups   lookups
	uses      atomic.Uint64 // the last Entry's number
	closeIdle atomic.Bool   // CloseIdleConnections was called, and no request came since
	shutDown  atomic.Bool   // Shutdown: nothing is kept any more

	remembered atomic.Int32 // hosts that are, though nothing of them is left

	// onEdge sees each edge that a connection's life takes, and onEntryEdge each of an
	// exchange's; for tests.
	onEdge      func(c *Conn, from, to state)
	onEntryEdge func(from, to phase)
}

// keepsAlive reports whether connections are used more than once.
func (p *Pool) keepsAlive(http2 bool) bool {
	return !p.keepAlivesOff && (http2 || !p.keepsNoIdle)
}

// CloseIdleConnections closes the connections that lie idle, and those in use as
// they come back before the next request, as net/http's does. Dials that no
// request waits for are broken off.
func (p *Pool) CloseIdleConnections() {
	p.closeIdle.Store(true)
	p.hosts.each(func(h *Host) { h.closeIdle(loss.ClosedIdle) })
}

// Over reports whether Shutdown was called.
func (p *Pool) Over() bool { return p.shutDown.Load() }

// Shutdown closes the connections that lie idle or are drained behind, and from now on each of the
// others as soon as no request has it.
func (p *Pool) Shutdown() {
	p.shutDown.Store(true)
	p.hosts.each(func(h *Host) {
		h.closeIdle(loss.ClosedIdle)
		h.breakDrains()
	})
}
