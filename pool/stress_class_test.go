package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/pool"
)

// The classes that the test itself names.
const (
	classOK       = "ok"
	classCanceled = "canceled"
	classDeadline = "deadline"
	classMixed    = "MIXED BYTES"
	ofNobody      = " by nobody" // the request's context did not end
	unknownError  = "unknown: "  // net/http has no such text
)

// matchers are tried in order: errors that errors.Is finds come first.
var matchers = []struct {
	class string
	is    error
}{
	{classMixed, badserver.ErrMixed},
	{"pool: queue full", pool.ErrQueueFull},
	{"pool: waited too long", pool.ErrWaitTimeout},
	{"pool: shed", pool.ErrShed},
	{"pool: closed", pool.ErrClosed},
	{classCanceled, context.Canceled},
	{classDeadline, context.DeadlineExceeded},
	{classDeadline, os.ErrDeadlineExceeded},
	{"connection reset", syscall.ECONNRESET},
	{"broken pipe", syscall.EPIPE},
	{"connection refused", syscall.ECONNREFUSED},
	{"used when closed", net.ErrClosed},
	{"aborted handler", http.ErrAbortHandler},
	{"unexpected EOF", io.ErrUnexpectedEOF},
	{"EOF", io.EOF},
}

// texts are of net/http's errors that have no public value or type. Each is the part without
// addresses and figures.
var texts = []string{
	"server closed idle connection",
	"CloseIdleConnections called",
	"cannot rewind body after connection loss",
	"read on closed response body",
	"request canceled while waiting for connection",
	"request canceled",
	"readLoop exiting",
	"readLoopPeekFailLocked",
	"malformed HTTP response",
	"malformed HTTP status",
	"malformed HTTP version",
	"malformed MIME header",
	"malformed chunked encoding",
	"invalid Read on closed Body",
	"unexpected EOF reading trailer",
	"tls: bad record MAC",
	"TLS handshake timeout",
	"cannot retry err", // before the texts that this one quotes
	"graceful shutdown GOAWAY",
	"server sent GOAWAY and closed the connection",
	"Transport received GOAWAY from server",
	"client conn could not be established",
	"client conn not usable",
	"client conn is closed",
	"client connection force closed",
	"client connection lost",
	"response body closed",
	"stream error: INTERNAL_ERROR",
	"stream error: PROTOCOL_ERROR",
	"stream error: REFUSED_STREAM",
	"stream error: CANCEL",
	"stream error: STREAM_CLOSED",
	"stream error: NO_ERROR",
}

var (
	addresses = regexp.MustCompile(`\[?[0-9a-f.:]*\]?:[0-9]+`)
	streamID  = regexp.MustCompile(`stream ID [0-9]+; `)
	figures   = regexp.MustCompile(`[0-9]+`)
)

// classOf returns the class of a request's outcome. It includes whether the request failed before
// or after the response had come.
func classOf(err error, inBody, ownEnd bool) string {
	if err == nil {
		return classOK
	}
	class := classOfError(err)
	if (class == classCanceled || class == classDeadline) && !ownEnd {
		class += ofNobody
	}
	if inBody && class != classCanceled && class != classDeadline {
		class = "body: " + class
	}
	return class
}

func classOfError(err error) string {
	if badserver.Garbled(err) {
		return classMixed
	}
	for _, m := range matchers {
		if errors.Is(err, m.is) {
			return m.class
		}
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return classDeadline
	}
	for u := new(url.Error); errors.As(err, &u); {
		err = u.Err
	}
	text := streamID.ReplaceAllString(err.Error(), "")
	for _, t := range texts {
		if strings.Contains(text, t) {
			return t
		}
	}
	return unknownError + figures.ReplaceAllString(addresses.ReplaceAllString(text, "ADDR"), "N")
}

// lost are the errors for a connection that was lost during a request. Which of them a request
// gets depends on whether the reader or the writer comes first, and on the kernel's buffers: if
// one set-up has more of one, another has more of the next. "Server closed idle connection" is not
// among them: it shows that a dead connection was handed out, and is compared by itself.
var lost = []string{
	"connection reset",
	"broken pipe",
	"used when closed",
	"unexpected EOF",
	"EOF",
	"readLoopPeekFailLocked",
	"server sent GOAWAY and closed the connection",
	"client conn could not be established",
	"client conn not usable",
	"client conn is closed",
	"client connection force closed",
	"client connection lost",
	"cannot rewind body after connection loss",
	"cannot retry err",
}

const anyLost = "any connection lost"

// family returns the cell of all classes of the same meaning, before the response came or after
// it; c itself if it has no others.
func (c cell) family() cell {
	class, inBody := strings.CutPrefix(c.class, "body: ")
	if slices.Contains(lost, class) {
		c.class = anyLost
		if inBody {
			c.class = "body: " + c.class
		}
	}
	return c
}

// foreign reports whether the class is of an error that net/http does not make.
func foreign(class string) bool {
	class = strings.TrimPrefix(class, "body: ")
	return class == classMixed || strings.HasPrefix(class, "pool: ") || strings.HasPrefix(class, unknownError)
}

func TestStressTellsErrorsApart(t *testing.T) {
	wrap := func(err error) error { return &url.Error{Op: "Get", URL: "http://127.0.0.1:80/", Err: err} }
	tests := []struct {
		err         error
		inBody, own bool
		want        string
	}{
		{nil, false, false, "ok"},
		{wrap(context.Canceled), false, true, "canceled"},
		{wrap(context.Canceled), true, false, "body: canceled by nobody"},
		{wrap(fmt.Errorf("x: %w", context.DeadlineExceeded)), true, true, "deadline"},
		{wrap(pool.ErrShed), false, true, "pool: shed"},
		{wrap(&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}), false, false, "connection reset"},
		{io.ErrUnexpectedEOF, true, false, "body: unexpected EOF"},
		{wrap(errors.New("http: server closed idle connection")), false, false, "server closed idle connection"},
		{wrap(errors.New("http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY] after Request.Body was written; define Request.GetBody to avoid this error")), false, false, "cannot retry err"},
		{errors.New("stream error: stream ID 17; INTERNAL_ERROR; received from peer"), true, false, "body: stream error: INTERNAL_ERROR"},
		{wrap(errors.New("no way to 127.0.0.1:4711 in 17 ms")), false, false, "unknown: no way to ADDR in N ms"},
	}
	for _, tt := range tests {
		if got := classOf(tt.err, tt.inBody, tt.own); got != tt.want {
			t.Errorf("%v: class %q, want %q", tt.err, got, tt.want)
		}
	}
}
