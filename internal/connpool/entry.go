package connpool

import (
	"context"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/worth"
)

// Policy are the limits that the layers of a stack, and the request, set for one exchange.
type Policy struct {
	// MaxAge and MaxUses retire the connection after the exchange, if it has come
	// to that age or number of uses. Zero: never.
	MaxAge  time.Duration
	MaxUses int32
	// MaxConns is the most connections to the host over HTTP/1, in all states together:
	// at the limit none is dialed for this exchange. Zero: no limit.
	MaxConns int32
	// Exempt: the limit does not count this exchange.
	Exempt bool
	// Close: the request asks for the end of its connection.
	Close bool
}

// Owner is the exchange that an Entry belongs to. Its methods must not call the
// Pool.
type Owner interface {
	// Culprit names the exchange, for the case that it costs a connection.
	Culprit() loss.Culprit
	// Interrupted is how the caller has ended the exchange, Canceled or Timeout; empty if
	// it has not.
	Interrupted() loss.Reason
	// Whole reports whether the exchange ended with the end of its response: it did not
	// fail, was not canceled, and its body was not closed early.
	Whole() bool
	// Acquired tells of the connection that the exchange was given; again if another try
	// was given another one. If the exchange has waited under a limit and was given none,
	// only g.Limited is set.
	Acquired(g Got)
	// DialContext is the context of a dial for the exchange.
	DialContext() context.Context
}

// Entry is one exchange at the Pool. Set its exported fields before RoundTrip,
// which must be followed by one End.
type Entry struct {
	Policy
	Owner  Owner
	pool   *Pool
	target *Host // the URL's
	host   *Host // target, or the Host of a proxy that forwards to it
	id     uint64
	phase  phase
	conn   *Conn // nil before it was given one
	// lost is the loss of its last connection, if it was taken off that and was given no
	// other since.
	lost     *loss.Loss
	answered bool // counted in conn.answered
	tight    bool // it must reserve a stream of its connection
	link     exchangeContext
}

// Got are the facts of the connection that an exchange was given.
type Got struct {
	ConnID uint64
	Age    time.Duration
	Uses   int // this one included
	Reused bool
	// NetReused is whether net/http would call it reused: over HTTP/1 also a connection
	// before its first use, if it was dialed for another request, and a third connection
	// has served that.
	NetReused bool
	WasIdle   bool
	IdleTime  time.Duration
	HTTP2     bool
	Wait      time.Duration // for this connection
	Limited   time.Duration // the part of it in which a limit forbade a dial; also of waits for connections that turned out dead
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

// Name is the name of the host, as in "https://example.com:443".
func (h *Host) Name() string { return h.name }

// SetSpan says which span stands for the making of the exchange's connection. All exchanges
// that are given the connection later find it in their Got.
func (e *Entry) SetSpan(s ledger.Span) {
	if c := e.conn; c != nil {
		c.host.mu.Lock()
		c.span = &s
		c.host.mu.Unlock()
	}
}

// BeforeRead has f called before the socket of the exchange's connection is read next. Bytes
// in net/http's buffer are read without that. It returns false if the socket can't be seen.
// Unread takes f back.
func (e *Entry) BeforeRead(f *func()) bool {
	c := e.conn
	if c == nil || c.raw == nil || c.http2 || e.phase == returned {
		return false
	}
	c.raw.before.Store(f)
	return true
}

// Unread takes f back from BeforeRead. By then another exchange may have the connection,
// with an f of its own.
func (e *Entry) Unread(f *func()) {
	if c := e.conn; c != nil && c.raw != nil {
		c.raw.before.CompareAndSwap(f, nil)
	}
}

// Abort closes the exchange's connection, if the exchange still has it to itself and its
// response has not come to the end.
func (e *Entry) Abort() {
	if c := e.aborts(); c != nil {
		c.cc.Close()
	}
}

// aborts returns the connection that Abort closes, if it does. From then on no other exchange is
// given it: the response may come to its end, and the exchange too, before Close is called.
func (e *Entry) aborts() *Conn {
	c := e.conn
	if c == nil || c.http2 {
		return nil
	}
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.user != e.id || c.state != active && c.state != draining || c.reusable() {
		return nil
	}
	c.aborted.Store(true)
	return c
}

// Detach has the exchange go on when the caller's context ends. It returns false if that has
// ended already.
func (e *Entry) Detach() bool {
	if e.conn == nil || e.conn.http2 || e.link.unlink() {
		return true
	}
	return e.link.Context == nil || e.link.Context.Err() == nil // net/http has let go of it before
}

// Worth is what a drain is worth at the host, for a body of unknown or of known length. A
// probe is handed out once.
func (e *Entry) Worth(unknown bool) (w worth.Worth) {
	e.estimate(func(est *worth.Estimator) { w = est.Worth(e.hop(), unknown) })
	return w
}

// Read notes how long a part of a body of known length took to come.
func (e *Entry) Read(bytes int64, took time.Duration) {
	e.estimate(func(est *worth.Estimator) { est.Read(bytes, took) })
}

// Drained notes the outcome of a drain.
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

// hop is the first hop of the exchange's route. The costs of connections are kept by it.
func (e *Entry) hop() string {
	if e.conn == nil {
		return e.host.addr
	}
	return e.conn.route.hop
}

// KeepAlive notes that the server announces to keep the exchange's connection for d while it
// is idle.
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

// margin is how long before the server's limit a connection is retired, for the round trip;
// with a short limit it is half of that.
const margin = time.Second
