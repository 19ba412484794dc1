// Package drain reads what is left of a response body when it is closed, so
// that its connection can be used again.
//
// net/http uses an HTTP/1 connection again only if the body was read to its
// end. Up to Go 1.26 a body that is closed before that closes the connection;
// from Go 1.27 on net/http drains up to 256 KiB for up to 50 ms in the
// background, after Close has returned (golang/go#77370), which leaves it to
// chance whether the next request finds the connection.
//
// # What it changes
//
// Close of the response body: it first reads on, within a limit of bytes and
// one of time, so that the connection is idle when Close returns. When a limit
// is reached, the request's context (the layer's own) is cancelled and the
// connection closed; net/http's own drain does not go on behind that.
//
// # What it never touches
//
// Bodies that were read to EOF, whose Close stays what it was. HTTP/2, where
// Close resets the stream and the connection lives on. 101 and CONNECT, where
// the body is the tunnel. HEAD, 204, 304 and http.NoBody. Connections that will
// not be used again: Connection: close from either side, HTTP/1.0 without
// keep-alive, a body that ends with its connection, keep-alives disabled.
// text/event-stream, which does not end. A body whose known rest is over the
// limit, for reading a part of it is the worst of both.
//
// # Where it stands
//
// Anywhere; the usual order is trace, drain, pool, transport. Pool gives the
// slot back after the drain, wherever it stands.
//
// # What it costs
//
// Close takes up to the limit of time. Nothing is read that net/http would not
// have to read. BenchmarkClose in this package prints the cost for a body that
// was read to its end, and for one that was not, next to bare net/http.
//
// # When a request is finished
//
// When its body is drained, or the drain was given up, and Close returns.
package drain

import (
	"fmt"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/record"
)

// Policy says how the limits of a drain are found.
type Policy uint8

const (
	// Adaptive drains as far as a new connection is worth. In this version
	// that is 256 KiB and 50 ms for every host.
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

// The limits where Options gives none. They are those of net/http in Go 1.27.
const (
	defaultBytes = 256 << 10
	defaultTime  = 50 * time.Millisecond
)

// Options configures a Drainer. The zero value is right for most programs.
type Options struct {
	// Policy says how the limits are found. Zero means Adaptive.
	Policy Policy
	// MaxBytes is the most that one Close reads, in bytes as the caller would
	// have read them: decompressed, if the transport decompresses. Zero means
	// the policy's own limit, 256 KiB; negative means that nothing is drained.
	MaxBytes int64
	// MaxTime is the longest that one Close reads. Zero means the policy's own
	// limit, 50 ms; negative means that nothing is drained.
	MaxTime time.Duration
}

// Drainer drains the bodies of any number of stacks. It is safe for concurrent
// use. Use New.
type Drainer struct {
	policy Policy
	budget record.Budget
}

// New returns a Drainer.
func New(o Options) *Drainer {
	d := &Drainer{policy: o.Policy, budget: record.Budget{Bytes: o.MaxBytes, Time: o.MaxTime}}
	if o.MaxBytes == 0 {
		d.budget.Bytes = defaultBytes
	}
	if o.MaxTime == 0 {
		d.budget.Time = defaultTime
	}
	if o.Policy == Never {
		d.budget = record.Budget{}
	}
	return d
}

// Middleware puts the drain over next. A nil next is http.DefaultTransport.
func (d *Drainer) Middleware(next http.RoundTripper) http.RoundTripper {
	return record.New(next, part{d})
}

// Close ends what the Drainer does in the background, which in this version is
// nothing. Drains in progress end within their limits. It may be called more
// than once.
func (d *Drainer) Close() {}

// part is the Drainer's share in an exchange. All that it does is to name the
// budget: draining is the body's own affair, so that it happens once and before
// every other layer's end.
type part struct{ d *Drainer }

func (p part) Begin(*record.Record) (any, error) { return nil, nil }

func (p part) End(*record.Record, any) {}

func (p part) Phase() record.Phase { return record.Slot }

func (p part) Budget(*record.Record) record.Budget { return p.d.budget }

func (p part) Describe(ledger.Watch) string {
	if p.d.budget.Bytes <= 0 || p.d.budget.Time <= 0 {
		return "drain: never; a body closed early closes its connection"
	}
	return fmt.Sprintf("drain: on Close, at most %d KiB and %v", p.d.budget.Bytes>>10, p.d.budget.Time)
}
