package pool

import (
	"errors"
	"fmt"
	"time"
)

// Refusals. They come wrapped in a *LimitError, but for ErrClosed, and
// errors.Is finds them through http.Client's *url.Error.
var (
	// ErrQueueFull: MaxWaiting requests were waiting already.
	ErrQueueFull = errors.New("pool: queue is full")
	// ErrWaitTimeout: the request waited for WaitTimeout, or could not have got
	// a slot in time (RefuseHopeless).
	ErrWaitTimeout = errors.New("pool: waited too long for a slot")
	// ErrShed: the queue was overloaded, and the request had waited for more
	// than twice ShedTarget when its turn came.
	ErrShed = errors.New("pool: shed from an overloaded queue")
	// ErrDeadlock: the request had no deadline, for 10 minutes no slot had moved, and
	// every slot was held by a request that was in a middleware, a base that the Pool does
	// not own, a dialer or a Proxy function. Perhaps one of these waited for this request.
	// See "One request, one slot" in the package doc.
	ErrDeadlock = errors.New("pool: no slot has come free, and all are held by requests that middlewares, dialers or Proxy functions have in their hands: perhaps they wait for this request")
	// ErrClosed: the Pool was closed.
	ErrClosed error = closedError{}
)

type closedError struct{}

func (closedError) Error() string { return "pool: closed" }

// ErrorType names the error for OpenTelemetry's error.type.
func (closedError) ErrorType() string { return "pool_closed" }

// errRequestCanceled ends the wait of a request whose Request.Cancel was closed. Its text is
// that of net/http's error for a request that waits under MaxConnsPerHost; that error is not
// exported.
var errRequestCanceled error = canceledError{}

type canceledError struct{}

func (canceledError) Error() string {
	return "net/http: request canceled while waiting for connection"
}

// ErrorType names the error for OpenTelemetry's error.type, as a context's end.
func (canceledError) ErrorType() string { return "canceled" }

// LimitError says which limit refused a request. The request was not sent.
type LimitError struct {
	// Host is scheme, name and port; empty if the limit was MaxTotal.
	Host string
	// Limit is the limit in force. InUse and Waiting are how much of it was in use, and
	// how many requests waited, when this one was refused.
	Limit, InUse, Waiting int
	// Waited is how long this request waited.
	Waited time.Duration
	// Predicted is how long it would have waited, if it was refused for that
	// (RefuseHopeless); else 0.
	Predicted time.Duration
	// Err is ErrQueueFull, ErrWaitTimeout, ErrShed or ErrDeadlock.
	Err error
}

// Error implements error.
func (e *LimitError) Error() string {
	host := e.Host
	if host == "" {
		host = "all hosts"
	}
	s := fmt.Sprintf("%v: %s, %d of %d in use, %d waiting, after %v", e.Err, host, e.InUse, e.Limit, e.Waiting, e.Waited)
	if e.Predicted > 0 {
		s += fmt.Sprintf(" with %v to wait", e.Predicted)
	}
	return s
}

// Unwrap returns Err.
func (e *LimitError) Unwrap() error { return e.Err }

// ErrorType names the error for OpenTelemetry's error.type.
func (e *LimitError) ErrorType() string {
	switch {
	case errors.Is(e.Err, ErrDeadlock):
		return "pool_deadlock"
	case e.Timeout():
		return "pool_wait_timeout"
	case errors.Is(e.Err, ErrShed):
		return "pool_shed"
	}
	return "pool_queue_full"
}

// Timeout reports whether the request was refused because it waited for too long, or would
// have. The *url.Error of http.Client has the same Timeout.
func (e *LimitError) Timeout() bool { return errors.Is(e.Err, ErrWaitTimeout) }
