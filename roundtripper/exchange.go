package roundtripper

import (
	"net"
	"net/http"
	"reflect"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// Exchange is the known facts of one exchange: one RoundTrip of the base, in
// which net/http may have tried two connections. It is a plain value. More
// fields may come.
type Exchange struct {
	_ [0]func() // not comparable, so that fields can be added

	// Host is scheme, name and port, as in "https://example.com:443".
	Host string
	// Method is the request's, as the caller wrote it.
	Method string
	// StatusCode is the response's; 0 if there was none.
	StatusCode int
	// Proto is the response's protocol, "HTTP/1.1" say; empty if there was no
	// response.
	Proto string
	// Start is when the outermost layer was called.
	Start time.Time
	// Duration is from Start to the end of the exchange; 0 before it.
	Duration time.Duration

	// ConnID numbers the connections of a stack over one base, from 1 on; 0 if
	// the exchange was given none, or its base is not net/http's. Of stacks
	// below each other it is the innermost one's.
	ConnID uint64
	// ConnUses is how many exchanges this connection has served, this one
	// included. It is the kit's own count. 0 if the connection is older than
	// the stack, or there was none.
	ConnUses int
	// ConnAge is how old the connection was when the exchange was given it; 0
	// as for ConnUses.
	ConnAge time.Duration
	// LocalAddr and RemoteAddr are the connection's; nil if there was none, or if it has none.
	LocalAddr, RemoteAddr net.Addr
	// TLSVersion is the connection's, as in package crypto/tls, tls.VersionTLS13 say; for
	// plain http that a proxy forwards, the connection to the proxy has one if that is
	// https. Resumed says that its handshake has resumed a session of an earlier one: see
	// pool.Options.TLSSessions. Both are the connection's for all its exchanges, the first
	// and those that reuse it; 0 and false where there is no TLS, or it can't be seen: a
	// dialer of the transport's own hides it, or the base is not net/http's.
	TLSVersion uint16
	Resumed    bool
	// Reused says that the connection had served an exchange before. Where
	// httptrace calls a connection reused that only lost a dial race and was
	// never used, this is false.
	Reused bool
	// WasIdle says that the connection lay idle, and IdleTime for how long.
	WasIdle  bool
	IdleTime time.Duration
	// NewReason says why the connection was new; empty if it was reused, or
	// there was none.
	NewReason NewReason
	// Culprit is the earlier exchange that cost the connection which this one
	// could have used. It names none where the connection's age, a call of
	// CloseIdleConnections, or the server ended one that was as good as idle.
	Culprit Culprit
	// Returned says that the connection went back to the pool, or straight to
	// the next request. It is false over HTTP/2, whose connections are shared.
	Returned bool
	// LostReason says why the connection can't be used again; empty if it can,
	// or there was none.
	LostReason NewReason

	// PoolWait is the time that the queues of pools took, in this stack and in
	// those below it; 0 if the exchange did not wait.
	PoolWait time.Duration
	// ConnWait is the time from asking net/http for a connection to having
	// one: its queue, or DNS, connect and TLS.
	ConnWait time.Duration
	// QueueWait is what limits of the program's own have cost the exchange: PoolWait, and
	// the time for which it waited for a connection while pool's MaxPerHost or the
	// transport's MaxConnsPerHost forbade to dial one more, over all tries. The rest of
	// ConnWait, ConnWait - (QueueWait - PoolWait) where there was one try, is that of a
	// dial. Over a base whose connections pool does not own, net/http's wait under
	// MaxConnsPerHost can't be told from a dial, and this is PoolWait. A server's limit of
	// HTTP/2 streams is none of these.
	QueueWait time.Duration
	// DNS, Connect and TLS are what making the connection took; 0 if it was
	// reused. DNS is 0 too for an address that needs none, and part of Connect
	// where a dialer looks names up out of sight. All that was not seen is 0: a
	// TLS dialer of the transport's own is Connect where pool owns the connection,
	// and nothing elsewhere; nor is a dial that came as a surprise there, in place
	// of a connection that was dead.
	DNS, Connect, TLS time.Duration
	// OwnDial says that the connection was made for this exchange, which has
	// paid for it. False on a new connection means that another request's dial
	// came in time: DialedBy, if that was seen.
	OwnDial  bool
	DialedBy Culprit

	// BytesRead is how many bytes of the body the caller read, decompressed if
	// the transport does that.
	BytesRead int64
	// BytesDrained is how many the drain read after that, on the wire, and
	// DrainTime how long it took.
	BytesDrained int64
	DrainTime    time.Duration
	// Background says that the drain ran after Close had returned.
	Background bool
	// DialCost is what a new connection to this host was reckoned to cost when
	// the body was closed: the measure of what a drain may cost. 0 if no
	// adaptive drain was asked.
	DialCost time.Duration
	// Outcome says how the exchange ended; empty before its end.
	Outcome Outcome
	// Skipped says why no drain was tried; empty unless Outcome is
	// OutcomeSkipped. It can't help: http2, tunnel, no_body, close (the
	// connection ends anyway), event_stream. It is not worth it: too_slow,
	// too_long (bodies of that host have been), too_large (over a cap),
	// rarely_reused, remeasure (the cost of a new connection is out of date),
	// background_full (as many drains as may be go on already).
	// It was asked not to: never, exempt. Expect new words.
	Skipped string
	// Leaked says that the body was never closed: the collector ended the
	// exchange.
	Leaked bool
	// Err is the error of RoundTrip or of the body's Read, but for EOF. Its text may
	// quote the server's bytes: an Exchange that is printed, or written as JSON, has the
	// class alone.
	Err error
}

// Culprit identifies another exchange. Its zero value means that there is none,
// or that it is not known.
type Culprit struct {
	// TraceID and SpanID are those of its span; zero if it had none.
	TraceID [16]byte
	SpanID  [8]byte
	// Caller is its call site, "file:line function", the program's own line rather than an
	// SDK's as in pool.Leak; empty if not known.
	Caller string
}

// Outcome says how an exchange ended. Readers must expect words that are not
// listed here.
type Outcome string

const (
	// OutcomeNone: the response has no body.
	OutcomeNone Outcome = "none"
	// OutcomeEOF: the caller read all of the body.
	OutcomeEOF Outcome = "eof"
	// OutcomeDrained: the caller closed early, and the rest was read.
	OutcomeDrained Outcome = "drained"
	// OutcomeSkipped: closed early, and a drain could not help or was not
	// worth it; Exchange.Skipped says why.
	OutcomeSkipped Outcome = "skipped"
	// OutcomeGaveUp: the drain came to its limit of bytes.
	OutcomeGaveUp Outcome = "gave_up"
	// OutcomeTimedOut: the drain came to its limit of time.
	OutcomeTimedOut Outcome = "timed_out"
	// OutcomeClosed: closed early without a drain: the stack has none, or the
	// body was closed while a Read of it was waiting.
	OutcomeClosed Outcome = "closed"
	// OutcomeCanceled: the caller's context ended; also before the body was closed, early.
	OutcomeCanceled Outcome = "canceled"
	// OutcomeFailed: RoundTrip, or a Read of the body, failed.
	OutcomeFailed Outcome = "failed"
	// OutcomeRefused: a layer refused the request; the base never saw it.
	OutcomeRefused Outcome = "refused"
	// OutcomeUpgraded: 101, the connection is the caller's.
	OutcomeUpgraded Outcome = "upgraded"
	// OutcomeLeaked: no code could close the body any more.
	OutcomeLeaked Outcome = "leaked"
)

// ExchangeOf returns the facts so far of the exchange that resp belongs
// to. Its end is not known while the body is open: use Observe for that. Not
// ok if resp is not from a stack of this module, has no body, or its Body was
// replaced by something other than http.Client's own.
func ExchangeOf(resp *http.Response) (Exchange, bool) {
	if resp == nil || resp.Body == nil {
		return Exchange{}, false
	}
	if b, ok := resp.Body.(interface{ Exchange() *stack.Exchange }); ok {
		return exchange(b.Exchange()), true
	}
	b := behindTimeout(resp.Body)
	if b == nil {
		return Exchange{}, false
	}
	return exchange(b.Exchange()), true
}

// behindTimeout finds the body that http.Client wrapped into its own because
// it has a Timeout. That type has no way in but its layout; if that changes,
// the answer is nil.
func behindTimeout(body any) *stack.Body {
	v := reflect.ValueOf(body)
	if v.Kind() != reflect.Pointer || v.Type().String() != "*http.cancelTimerBody" {
		return nil
	}
	rc := v.Elem().FieldByName("rc")
	if !rc.IsValid() || rc.Kind() != reflect.Interface {
		return nil
	}
	rc = rc.Elem()
	if !rc.IsValid() || rc.Type() != reflect.TypeFor[*stack.Body]() {
		return nil
	}
	return (*stack.Body)(rc.UnsafePointer())
}

func exchange(r *stack.Exchange) Exchange {
	f := r.Facts()
	e := Exchange{
		Host:       r.Host(),
		Method:     r.Method(),
		StatusCode: f.Status,
		Proto:      f.Proto,
		Start:      f.Start,
		Duration:   f.Duration,
		ConnID:     f.ConnID,
		ConnUses:   f.ConnUses,
		ConnAge:    f.ConnAge,
		Reused:     f.Reused,
		WasIdle:    f.WasIdle,
		IdleTime:   f.IdleTime,
		Returned:   f.Returned,
		LostReason: NewReason(f.LostReason.String()),
		PoolWait:   f.PoolWait,
		ConnWait:   f.ConnWait,
		QueueWait:  f.PoolWait + f.LimitWait,
		BytesRead:  f.BytesRead,
		Outcome:    Outcome(f.Outcome.String()),
		Leaked:     f.Leaked,
		Err:        f.Err,
	}
	if n := f.New; n != nil {
		e.NewReason, e.Culprit = NewReason(n.Reason.String()), culprit(n.Culprit)
		e.DNS, e.Connect, e.TLS = n.Setup.DNS, n.Setup.Connect, n.Setup.TLS
		e.OwnDial, e.DialedBy = n.OwnDial, culprit(n.DialedBy)
	}
	if d := f.Drain; d != nil {
		e.BytesDrained, e.DrainTime = d.Bytes, d.Time
		e.Background, e.DialCost, e.Skipped = d.Background, d.Cost, d.Skipped
	}
	if f.Held != nil {
		e.LocalAddr, e.RemoteAddr = ledger.LocalAddr(f.Held.Conn), ledger.RemoteAddr(f.Held.Conn)
		t := f.Held.TLS()
		e.TLSVersion, e.Resumed = t.Version, t.Resumed
	}
	return e
}

func culprit(c ledger.Culprit) Culprit {
	return Culprit{TraceID: c.TraceID, SpanID: c.SpanID, Caller: callsite.Of(c.Stack).Caller}
}
