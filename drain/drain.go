// Package drain reads the rest of a response body when it is closed, so that its
// connection can be used again.
//
// net/http uses an HTTP/1 connection again only if the body was read to its
// end. Up to Go 1.26 a body that is closed before that closes the connection;
// from Go 1.27 on net/http drains up to 256 KiB for up to 50 ms in the
// background, after Close has returned (golang/go#77370), which leaves it to
// chance whether the next request finds the connection.
//
// # How far
//
// Adaptive, the zero Policy, drains for as long as a new connection to that host would take:
// ski rental. C is the cost of a new connection: a moving average of the time from the start
// of a dial until the connection was ready (DNS, connect, a proxy's CONNECT, TLS); over bases
// whose connections pool does not own, of dials that a request waited for. Before the first it is 10 ms for plain and 30 ms for TLS,
// and it is never taken for less than 0.5 ms.
//
//   - If the length of the rest is known, and at the rate of this host's bodies of known
//     length it would take longer than C, no drain is started.
//   - Otherwise the drain goes on until C is spent, at least 1 ms and at most 500 ms.
//   - Where pool owns the connection, bytes that net/http has in its buffer already are free:
//     the clock starts when they are first read, and if no drain is started they are read all
//     the same.
//
// So, for C between 1 and 500 ms (Go's timers round up to 1 ms), if a new connection costs C
// and the old one is used again, a drain that is started costs at most twice as much as the
// better choice in hindsight. And so does one that is not started, if the rate is right to a
// factor of two and no more than 64 MiB are left.
//
// The policy also learns whether drains pay, apart for bodies of known and of unknown length:
// a drain to the end saves C, a drain in vain costs its time, and a moving average has the
// share of the two. Where drains do not pay, the next 2 bodies are not drained, and the one
// after is a probe. A probe in vain doubles the pause, up to 32 closes; a drain that comes to
// the end takes it back. The same pauses hold for the rate, which may be out of date. So on a
// host whose bodies are long few drains are wasted. The price is that a host whose bodies
// change at the worst times could cost up to 32 connections that a drain would have kept.
// TestManyClosesCostAtMostTwiceTheBest prints the result for random hosts, and
// examples/drainlab for real connections.
//
// C is weighed by how likely the connection is used again: by how many of the
// host's last requests came later than the connection would have idled out (the
// transport's IdleConnTimeout or pool's IdleTimeout, or the server's, if that has shown in the last
// ten minutes). Below one in four nothing is drained. When drains have cost 64 C
// since C was last measured, or 4 C as long as it rests on fewer than six dials,
// a connection is given up to measure it; not where C is 1 ms or less.
//
// # What it changes
//
// Close of the response body first reads on, so that the connection is idle when Close
// returns. When a limit is reached, the request's context (the layer's own) is cancelled and
// the connection closed; net/http's own drain (Go 1.27) does not go on after that. There is
// one exception. With Adaptive, a body of known length, of 256 KiB at most, that is not worth
// a drain, or not read when its time is over, is left to net/http's own drain: that costs no
// caller anything, and is as without the kit. It is broken off if nothing of it comes for the
// 50 ms of that drain, or if it would take longer.
//
// With Options.Background, Close returns at once and the drain goes on without
// it, and without the caller's context, which callers cancel then.
//
// Directly over net/http's transport it also takes over net/http's transparent gzip, by the
// same rules and with the same result: it asks for gzip if the caller has set no
// Accept-Encoding, and decompresses. So a drain reads compressed bytes, and a zip bomb costs
// no more than these.
//
// # What it never touches
//
//   - A body that was read to EOF: its Close is unchanged.
//   - HTTP/2, where Close resets the stream and the connection lives on.
//   - 101 and CONNECT, where the body is the tunnel.
//   - HEAD, 204, 304 and http.NoBody.
//   - Connections that will not be used again: Connection: close from either side, HTTP/1.0
//     without keep-alive, a body that ends with its connection, keep-alives disabled.
//   - text/event-stream, which does not end.
//   - Requests of an Exempt context.
//   - A response that was complete while its request was still being written, if that
//     does not end within the budget: net/http closes such a connection.
//
// # Where it stands
//
// Anywhere; the usual order is trace, drain, pool, transport. Pool gives the slot back after
// the drain in any order. Above foreign middleware it drains the body as that passes it on,
// decompressed.
//
// # What it costs
//
// Close takes up to the limit of time, MaxTime: if that is zero, 500 ms for Adaptive and
// 50 ms for Fixed. If a Read waits, Close cancels it and waits for it, 50 ms at most. A body
// of known length has two looks at the clock for each Read. The request's header map, not its
// values, is copied, in net/http's place. BenchmarkClose in this package prints the cost for a
// body that was read to its end, and for one that was not, next to bare net/http.
//
// # When a request is finished
//
// When its body is drained, or the drain was given up, and Close returns.
package drain

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// Policy says how the limits of a drain are found.
type Policy uint8

const (
	// Adaptive drains as far as a new connection to that host is worth: see the
	// package doc.
	Adaptive Policy = iota
	// Fixed drains up to Options.MaxBytes and Options.MaxTime.
	Fixed
	// Never drains nothing: a body that is closed early closes its connection,
	// on Go 1.27 too.
	Never
)

// String returns the policy's name in lower case.
func (p Policy) String() string {
	switch p {
	case Adaptive:
		return "adaptive"
	case Fixed:
		return "fixed"
	case Never:
		return "never"
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// The limits of Fixed where Options gives none. They are those of net/http in
// Go 1.27.
const (
	fixedBytes = 256 << 10
	fixedTime  = 50 * time.Millisecond
)

// Options configures a Drainer. The zero value is right for most programs.
type Options struct {
	// Policy says how the limits are found. Zero means Adaptive.
	Policy Policy
	// MaxBytes is the most that one Close reads, in bytes on the wire; above
	// middleware of others that stands next to the transport, in bytes as that
	// would have them read. Zero means the policy's own limit, 64 MiB
	// for Adaptive and 256 KiB for Fixed; negative means that nothing is
	// drained.
	MaxBytes int64
	// MaxTime is the longest that one Close reads. Zero means the policy's own
	// limit: 50 ms for Fixed; for Adaptive the cost of a new connection, at most
	// 500 ms, and on Go 1.27 50 ms where nothing more comes of a body of known
	// length, for as long as net/http would read on by itself. Negative means
	// that nothing is drained.
	MaxTime time.Duration
	// Background is how many bodies may be drained at a time after their Close
	// has returned, in all stacks of the Drainer; one more is not drained, and
	// its connection closed. Where pool owns the connections, a new request to
	// such a host takes that one if it is back before a new one is there; and
	// the slot is taken until the drain has ended. Zero or negative means that
	// Close drains by itself.
	Background int
}

// Drainer drains the bodies of any number of stacks. It is safe for concurrent
// use. Use New.
type Drainer struct {
	policy     Policy
	caps       stack.Budget
	background *stack.Background // nil: Close drains
}

// New returns a Drainer.
func New(o Options) *Drainer {
	d := &Drainer{policy: o.Policy, caps: stack.Budget{Bytes: o.MaxBytes, Time: o.MaxTime}}
	bytes, wait := int64(maxBytes), maxTime
	if o.Policy == Fixed {
		bytes, wait = fixedBytes, fixedTime
	}
	if o.MaxBytes == 0 {
		d.caps.Bytes = bytes
	}
	if o.MaxTime == 0 {
		d.caps.Time = wait
	}
	if o.MaxBytes < 0 || o.MaxTime < 0 {
		d.policy = Never
	}
	if o.Background > 0 {
		d.background = &stack.Background{Max: o.Background}
	}
	return d
}

// Middleware puts the drain over next. A nil next is http.DefaultTransport.
func (d *Drainer) Middleware(next http.RoundTripper) http.RoundTripper {
	return stack.New(next, layer{d})
}

// Close breaks off the drains that run in the background, without waiting for
// them, and lets no more begin there: then bodies are closed as if there were no
// room. Without Options.Background it does nothing. It may be called more than
// once. A Drainer that is dropped without Close leaves nothing behind: each
// drain ends within its limits.
func (d *Drainer) Close() {
	if d.background != nil {
		d.background.Close()
	}
}

type exemptKey struct{}

// Exempt returns a context whose requests are not drained: a body of theirs that
// is closed early closes its connection, as with Never.
func Exempt(ctx context.Context) context.Context {
	return context.WithValue(ctx, exemptKey{}, true)
}

// layer is the Drainer's share in an exchange. All that it does is to name the
// budget: draining is the body's own affair, so that it happens once and before
// every other layer's end.
type layer struct{ d *Drainer }

func (p layer) Phase() stack.Phase { return stack.Slot }

func (p layer) Drains() bool { return p.d.policy != Never }

func (p layer) Background() *stack.Background { return p.d.background }

func (p layer) Budget(r *stack.Exchange, pr stack.DrainInput) stack.Budget {
	if p.d.policy == Never {
		return stack.Budget{Why: "never"}
	}
	if yes, _ := r.Context().Value(exemptKey{}).(bool); yes {
		return stack.Budget{Why: "exempt"}
	}
	if p.d.policy == Fixed {
		b := p.d.caps
		b.Cost = cost(pr)
		return b
	}
	b := adapt(pr)
	b.Bytes, b.Time, b.MostTime = min(b.Bytes, p.d.caps.Bytes), min(b.Time, p.d.caps.Time), p.d.caps.Time
	return b
}

func (p layer) Describe(ledger.Watch) string {
	switch p.d.policy {
	case Never:
		return "drain: never; a body closed early closes its connection"
	case Fixed:
		return fmt.Sprintf("drain: on Close, at most %s and %v", size(p.d.caps.Bytes), p.d.caps.Time)
	}
	return fmt.Sprintf("drain: on Close, as far as a new connection is worth, at most %s and %v", size(p.d.caps.Bytes), p.d.caps.Time)
}

// size prints a number of bytes in the largest unit that divides it.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
