package connpool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// Net/http's errors are not exported. They can be told only by these texts, and by the names
// of two types; TestRetryErrors provokes each on every supported Go.
const (
	serverClosedIdle  = "http: server closed idle connection"
	nothingWritten    = "http.nothingWrittenError"
	readFromServer    = "http.transportReadFromServerError"
	h2Unusable        = "http2: client conn not usable"
	h2GotGoAway       = "http2: Transport received Server's graceful shutdown GOAWAY"
	h2ErrCodeProtocol = 1
	h2ErrCodeRefused  = 7
	h2FromPeer        = "received from peer"
	h2Retries         = 7 // behind the first try
	invalidHeader     = "http: invalid header "
	invalidTrailer    = "http: invalid trailer "
)

var (
	errRequestCanceled     = errors.New("net/http: request canceled")
	errRequestCanceledConn = errors.New("net/http: request canceled while waiting for connection")
	errUnusable            = errors.New(h2Unusable)
	errCannotRewind        = errors.New("net/http: cannot rewind body after connection loss")
)

// retries reports whether net/http would send req again, over another connection, after err
// on c (persistConn.shouldRetryRequest). Reused says whether c was a reused connection.
func (c *Conn) retries(req *http.Request, err error, reused bool) bool {
	if !reused {
		return false // the server had no idle connection to close
	}
	if refused(err) {
		return false // the connection has not seen the request
	}
	kind := reflect.TypeOf(err).String()
	if kind == nothingWritten || c.raw != nil && c.raw.written.Load() == c.writtenBefore {
		return outgoingLength(req) == 0 || req.GetBody != nil
	}
	return replayable(req) && (kind == readFromServer || err.Error() == serverClosedIdle)
}

func outgoingLength(req *http.Request) int64 {
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		return 0
	case req.ContentLength != 0:
		return req.ContentLength
	}
	return -1
}

func replayable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	switch req.Method {
	case "", "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	_, a := req.Header["Idempotency-Key"]
	_, b := req.Header["X-Idempotency-Key"]
	return a || b
}

// sentOnce reports whether req can be sent only once: net/http would not send it again if it
// crossed the server's close.
func sentOnce(req *http.Request, http2 bool) bool {
	if http2 {
		return outgoingLength(req) != 0 && req.GetBody == nil
	}
	return !replayable(req)
}

// streamError has the fields of net/http's own type: errors.As converts that to this.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return fmt.Sprint("stream error ", e.StreamID, e.Code) }

// retriesStream is retries for HTTP/2 (http2canRetryError).
func retriesStream(err error) bool {
	switch err.Error() {
	case h2Unusable, h2GotGoAway:
		return true
	}
	var se streamError
	if !errors.As(err, &se) {
		return false
	}
	return se.Code == h2ErrCodeRefused || h2RetriesProtocol && se.Code == h2ErrCodeProtocol && se.Cause != nil && se.Cause.Error() == h2FromPeer
}

// backoffUnit is the first wait of net/http's HTTP/2 between two tries; each further one is twice
// as long, and all are up to a tenth longer.
const backoffUnit = time.Second

// backoff is how long net/http's HTTP/2 waits before its nth try; only from the second on
// does it wait.
func backoff(n int) time.Duration {
	if n < 2 {
		return 0
	}
	d := float64(uint(1) << (n - 2))
	return time.Duration(float64(backoffUnit) * d * (1 + .1*rand.Float64())) // #nosec G404 -- jitter is no secret
}

// rewind returns the request for another try after err, with its body from the start.
func rewind(req *http.Request, t *trackedBody, err error, http2 bool) (*http.Request, *trackedBody, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil, nil
	}
	if t != nil && !t.didRead.Load() && !t.didClose.Load() {
		t.wasAsked.Store(false)
		return req, t, nil
	}
	if t == nil {
		req.Body.Close()
	} else {
		t.close()
	}
	if req.GetBody == nil {
		if http2 {
			return nil, t, fmt.Errorf("http2: Transport: cannot retry err [%v] after Request.Body was written; define Request.GetBody to avoid this error", err)
		}
		return nil, t, errCannotRewind
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, t, err
	}
	again := *req
	again.Body, t = track(body)
	return &again, t, nil
}

// plainError turns the error of an http.ClientConn into the one that a Transport returns.
func plainError(err error) error {
	if k := reflect.TypeOf(err).String(); k == nothingWritten {
		err = unwrapOr(err)
	}
	if k := reflect.TypeOf(err).String(); k == readFromServer {
		err = unwrapOr(err)
	}
	if refused(err) {
		return errors.New("net/" + err.Error())
	}
	return err
}

// refused reports whether the http.ClientConn has refused the request as invalid. A
// Transport does so before it looks for a connection.
func refused(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, invalidHeader) || strings.HasPrefix(text, invalidTrailer)
}

func unwrapOr(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
