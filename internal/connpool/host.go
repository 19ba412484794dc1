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
	addr string // host and port, as it is dialed where a request spells it so

	// direct is the route that most requests take: no proxy, any protocol.
	direct route

	// spelling is the last other one of its name.
	spelling atomic.Pointer[spelling]

	// proxying are calls of the program's Proxy function.
	proxying atomic.Int32

	// multiplexed says that a connection to it has spoken HTTP/2.
	multiplexed atomic.Bool

	// silence guards itself, in part.
	silence silence

	// mu guards everything below, and of routes and connections what says so. The
	// order of locks: mu, then net/http's own.
	mu        lockorder.Mutex[lockorder.Host]
	forgotten bool
	routes    []*route // beside direct
	after     []func() // to be done when mu is given up
	conns     counts
	all       linked.List[Conn] // not closed, those being dialed among them: routes list what may be handed out, and not what requests have
	life      lifeQueue
	inFlight  int // exchanges
	exempt    int // of those, not counted by a limit
	book      loss.Book
	worth     worth.Estimator
	tally     ledger.Tally
	shakes    ledger.Handshakes
	demand    demand
	sweep     sweeper
	resolve   *resolver // nil: no address of it is known
	indexed   bool      // in idleTotal's list

	// firstUse and lastUse are of requests, and remembered says that one more is counted in
	// Pool.remembered; see remember.go.
	firstUse, lastUse time.Time
	remembered        bool
}

// counts are a host's connections by state, and by what they speak.
type counts struct {
	by          [states]int
	multiplexed int // of those open, HTTP/2
	shaking     int // of those dialing, with a socket
	http2       int // of those idle or active, HTTP/2
	http2Idle   int // and of those idle
	versions    ledger.Versions
	peers       ledger.Peers                 // nil unless they are wanted
	spoken      [len(ledger.Versions{})]bool // which protocols were seen
}

// open is how many are not closed, those being dialed not among them.
func (c *counts) open() int {
	return c.by[idle] + c.by[active] + c.by[draining] + c.by[goingAway] + c.by[closing]
}

// route is one way to a host: the connections on it serve the same requests.
type route struct {
	host  *Host
	via   *url.URL
	proxy string // via as a string; part of the route's identity
	http1 bool   // requests that must not get HTTP/2
	hop   string // host and port of the first hop, for GetConn
	// spelled is the host's address for requests that spell its name otherwise;
	// empty: addr.
	spelled string

	// Guarded by host.mu.
	protocol  protocol
	streams   int // what one HTTP/2 connection was last seen to take at once
	served    bool
	idle      []*Conn       // HTTP/1, the last put back is the last
	shared    []*Conn       // HTTP/2, that take new streams
	drains    []*Conn       // and those going away on which only a request is still being sent
	dials     []*Conn       // in progress, the oldest first
	unowned   int           // of those, no waiter's own
	open      int           // connections in whatever state but dialing and closed
	failed    bool          // the last dial did
	announced time.Duration // the last that a connection's was
	server    serverIdle
	aheadAt   time.Time // when one was last dialed to spread streams
	waiters   waiters
	warmings  []*warming // see warm.go
}

// protocol is what a route's connections speak, as far as one has shown.
type protocol uint8

const (
	unknown protocol = iota
	http1
	http2
)

// afterwards has f called when the mutex is given up.
func (h *Host) afterwards(f func()) { h.after = append(h.after, f) }

// unlock gives the mutex up, and does what is left to do then.
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
	h.direct = route{host: h, hop: h.addr}
	h.direct.protocol = p.assumed(&h.direct)
	return h
}

func (hs *hosts) each(f func(*Host)) { hs.table.Each(f) }

// Forget reports whether nothing of the host is left; then it is another one that
// comes in its place.
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
