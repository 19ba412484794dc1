package connpool

import (
	"context"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/worth"
)

// Policy is what the layers of a stack, and the request, ask for one exchange.
type Policy struct {
	// MaxAge and MaxUses retire the connection after the exchange, if it has come
	// to that age or number of uses. Zero: never.
	MaxAge  time.Duration
	MaxUses int32
	// MaxConns is the most connections to the host over HTTP/1, in whatever state,
	// for this exchange to add one more. Zero: no limit.
	MaxConns int32
	// Exempt says that the limit does not count this exchange.
	Exempt bool
	// Close says that the request asks for the end of its connection.
	Close bool
}

// Owner is the exchange that an Entry belongs to. Its methods must not call the
// Pool.
type Owner interface {
	// Culprit is who is to blame if the exchange costs a connection.
	Culprit() loss.Culprit
	// Interrupted is how the caller has ended the exchange, Canceled or Timeout; empty if
	// it has not.
	Interrupted() loss.Reason
	// Acquired tells of the connection that the exchange was given; again if
	// another try has another one. If it has waited under a limit and was given none, G is
	// what it has waited, Limited, and nothing else.
	Acquired(g Got)
	// DialContext has the values that a dial for the exchange may see.
	DialContext() context.Context
}

// Entry is one exchange at the Pool. Set its exported fields before RoundTrip,
// which must be followed by one End.
type Entry struct {
	Policy
	Owner  Owner
	pool   *Pool
	target *Host // of the URL
	host   *Host // target, or the proxy's that forwards to it
	id     uint64
	phase  phase
	conn   *Conn // since it was given
	// lost is that of its last connection, if it was taken off that and has none since.
	lost     *loss.Loss
	answered bool // counted in conn.answered
	tight    bool // a stream of its connection is to be reserved
	link     exchangeContext
}

// Got is what there is to say of the connection that an exchange was given.
type Got struct {
	ConnID uint64
	Age    time.Duration
	Uses   int // this one included
	Reused bool
	// NetReused is what net/http calls reused: over HTTP/1 also the first use of a
	// connection that was dialed for another request, which was served by a third.
	NetReused bool
	WasIdle   bool
	IdleTime  time.Duration
	HTTP2     bool
	Wait      time.Duration // for this connection
	Limited   time.Duration // the part of it, and of waits for others that were dead, in which a limit forbade a dial
	Held      *ledger.NetConn
	Span      *ledger.Span
	at        time.Time

	// Of a new connection:
	Reason     loss.Reason
	Culprit    loss.Culprit
	Setup      ledger.Setup
	TLSVersion uint16
	Resumed    bool
	Own        bool // the exchange's own dial
	DialedBy   loss.Culprit
	Dialed     time.Time
}

// Name is the host's, as in "https://example.com:443".
func (h *Host) Name() string { return h.name }

// SetSpan says which span stands for the making of the exchange's connection, for
// all who have it later.
func (e *Entry) SetSpan(s ledger.Span) {
	if c := e.conn; c != nil {
		c.host.mu.Lock()
		c.span = &s
		c.host.mu.Unlock()
	}
}

// BeforeRead has f called before the socket of the exchange's connection is read
// next: what net/http has in its buffer comes without. It is false if that can't
// be seen. Unread takes it back.
func (e *Entry) BeforeRead(f *func()) bool {
	c := e.conn
	if c == nil || c.raw == nil || c.http2 || e.phase == returned {
		return false
	}
	c.raw.before.Store(f)
	return true
}

// Unread takes f back from BeforeRead. By then another exchange may have the
// connection, and its own f.
func (e *Entry) Unread(f *func()) {
	if c := e.conn; c != nil && c.raw != nil {
		c.raw.before.CompareAndSwap(f, nil)
	}
}

// Abort closes the exchange's connection, if the exchange still has it to itself
// and has not come to the end of its response.
func (e *Entry) Abort() {
	c := e.conn
	if c == nil || c.http2 {
		return
	}
	h := c.host
	h.mu.Lock()
	mine := c.user == e.id && (c.state == active || c.state == draining) && !c.reusable()
	h.mu.Unlock()
	if mine {
		c.cc.Close()
	}
}

// Detach has the exchange go on when the caller's context ends. It is false if
// that has ended already.
func (e *Entry) Detach() bool {
	if e.conn == nil || e.conn.http2 || e.link.unlink() {
		return true
	}
	return e.link.Context == nil || e.link.Context.Err() == nil // net/http has let go of it before
}

// Worth is what is known of the host, for a body of which the length is known or
// not. A probe is handed out once.
func (e *Entry) Worth(unknown bool) (w worth.Worth) {
	e.estimate(func(est *worth.Estimator) { w = est.Worth(e.hop(), unknown) })
	return w
}

// Read notes how long a part of a body of known length took to come.
func (e *Entry) Read(bytes int64, took time.Duration) {
	e.estimate(func(est *worth.Estimator) { est.Read(bytes, took) })
}

// Drained notes what came of a drain.
func (e *Entry) Drained(took, cost time.Duration, whole, unknown bool) {
	e.estimate(func(est *worth.Estimator) { est.Drained(took, cost, whole, unknown) })
}

// NotDrained notes that a drain was not tried.
func (e *Entry) NotDrained(remeasure, unknown bool) {
	e.estimate(func(est *worth.Estimator) { est.NotDrained(remeasure, unknown) })
}

func (e *Entry) estimate(f func(*worth.Estimator)) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.worth)
}

// hop is the first hop of the exchange's route, by which costs are told apart.
func (e *Entry) hop() string {
	if e.conn == nil {
		return e.host.addr
	}
	return e.conn.route.hop
}

// KeepAlive notes that the server keeps the exchange's connection for so long
// while it is idle.
func (e *Entry) KeepAlive(d time.Duration) {
	c := e.conn
	if c == nil || d <= 0 {
		return
	}
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	c.announced = max(d-margin, d/2)
	c.route.announced = c.announced
	c.route.server.showsLocked(d, time.Now())
}

// margin is how long before the server's own limit a connection is let go: for
// the way there and back; of a short limit half of it.
const margin = time.Second
