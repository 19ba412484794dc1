package connpool

import (
	"net"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/hosttable"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/linked"
	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/worth"
)

// Host is one scheme, name and port, or one proxy that forwards plain http for
// all hosts.
type Host struct {
	pool *Pool
	key  ledger.Key
	name string
	addr string // host and port; dialed for requests that spell the name in that way

	// direct is the route that most requests take: no proxy, any protocol.
	direct route

	// spelling is the last other spelling of its name.
	spelling atomic.Pointer[spelling]

	// proxying is how many calls of the program's Proxy function are under way.
	proxying atomic.Int32

	// multiplexed: a connection to it has spoken HTTP/2.
	multiplexed atomic.Bool

	// silence is in part atomic; mu guards the rest.
	silence silence

	// mu guards everything below, and the fields of routes and connections that say so. The
	// order of locks: mu, then net/http's own.
	mu        lockorder.Mutex[lockorder.Host]
	forgotten bool
	routes    []*route // beside direct
	after     []func() // called when mu is given up: see afterwards
	conns     counts
	all       linked.List[Conn] // all connections that are not closed, and the dials; a route's lists have only the ones that may be handed out
	life      lifeQueue
	inFlight  int // exchanges
	exempt    int // exchanges in flight that no limit counts
	book      loss.Book
	worth     worth.Estimator
	tally     ledger.Tally
	shakes    ledger.Handshakes
	demand    demand
	sweep     sweeper
	resolve   *resolver // nil: no address of the host is known
	indexed   bool      // in idleTotal's list

	// firstUse is when the host's first request came, lastUse when the last one ended, and
	// remembered says that Pool.remembered counts the host; see remember.go.
	firstUse, lastUse time.Time
	remembered        bool
}

// counts are a host's connections by state and protocol.
type counts struct {
	by          [states]int
	multiplexed int // open ones of HTTP/2
	shaking     int // dials with a socket
	http2       int // idle or active ones of HTTP/2
	http2Idle   int // idle ones of HTTP/2
	versions    ledger.Versions
	peers       ledger.Peers                 // nil unless the ledger counts peers
	spoken      [len(ledger.Versions{})]bool // which protocols were seen
}

// open is how many connections are open. A dial is none.
func (c *counts) open() int {
	return c.by[idle] + c.by[active] + c.by[draining] + c.by[goingAway] + c.by[closing]
}

// fullLocked reports whether the limit forbids one more connection.
func (h *Host) fullLocked(e *Entry) bool {
	all := h.conns.open() + h.conns.by[dialing]
	if n := h.pool.opts.MaxConns; n > 0 && all >= n {
		return true
	}
	n := int(e.MaxConns)
	return n > 0 && all-h.conns.multiplexed >= n+h.exempt
}

// route is one way to a host: the connections on it serve the same requests.
type route struct {
	host  *Host
	via   *url.URL
	proxy string // via as a string; part of the route's identity
	http1 bool   // requests that must not get HTTP/2
	hop   string // host and port of the first hop
	addr  string // host and port that its dials are for; the Host's own, or as requests spell it otherwise

	// Guarded by host.mu.
	protocol  protocol
	streams   int // the limit of streams that an HTTP/2 connection has last shown
	served    bool
	idle      []*Conn       // idle ones of HTTP/1, in the order in which they were put back
	shared    []*Conn       // ones of HTTP/2 that take new streams
	drains    []*Conn       // draining ones, and ones that go away but on which a request is still being sent
	dials     []*Conn       // in progress, the oldest first
	unowned   int           // dials that no waiter owns
	open      int           // connections in all states but dialing and closed
	failed    bool          // the last dial has failed
	announced time.Duration // Conn.announced of the connection that had one last
	server    serverIdle
	aheadAt   time.Time // when a connection was last dialed to spread streams
	waiters   waiters
	warmings  []*warming // see warm.go
}

// protocol is the protocol of a route's connections, once one has shown it.
type protocol uint8

const (
	unknown protocol = iota
	http1
	http2
)

// afterwards has f called when the mutex is given up.
func (h *Host) afterwards(f func()) { h.after = append(h.after, f) }

// unlock gives the mutex up, and then calls the funcs that were given to afterwards.
func (h *Host) unlock() {
	after := h.after
	h.after = nil
	h.mu.Unlock()
	for _, f := range after {
		f()
	}
}

func without(cs []*Conn, c *Conn) []*Conn {
	if i := slices.Index(cs, c); i >= 0 {
		return slices.Delete(cs, i, i+1)
	}
	return cs
}

// hosts finds Hosts.
type hosts struct {
	table hosttable.Table[ledger.Key, *Host, lockorder.ConnTable]
}

func (p *Pool) host(key ledger.Key) *Host {
	return p.hosts.table.Of(key, key.Host, func() *Host { return p.newHost(key) })
}

func (p *Pool) newHost(key ledger.Key) *Host {
	h := &Host{pool: p, key: key, name: key.String(), addr: net.JoinHostPort(key.Host, key.Port)}
	h.direct = route{host: h, addr: h.addr, hop: h.addr}
	h.direct.protocol = p.assumed(&h.direct)
	return h
}

func (hs *hosts) each(f func(*Host)) { hs.table.Each(f) }

// Enter enters the exchange at the host of key, and returns that host. Known is what Enter
// has returned for that key before, nil if it has not: it saves the search.
func (p *Pool) Enter(e *Entry, key ledger.Key, known *Host) *Host {
	e.pool, e.id = p, p.uses.Add(1)
	if e.target = known; known == nil {
		e.target = p.host(key)
	}
	e.host = e.target
	return e.target
}

// SpeaksHTTP2 reports whether a connection to h has spoken HTTP/2.
func (h *Host) SpeaksHTTP2() bool { return h.multiplexed.Load() }

// Forget implements hosttable.Forgetter: it reports whether the host can be forgotten. Then
// the next request to that name makes another Host.
func (h *Host) Forget() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inFlight > 0 || h.conns.open() > 0 || h.conns.by[dialing] > 0 {
		return false
	}
	if h.rememberLocked(time.Now()) {
		return false
	}
	h.forgotten = true
	h.sweep.stop()
	return true
}
