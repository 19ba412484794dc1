package connpool

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
)

// trackedBody is a request's body that notes whether it was read and closed, as
// net/http's own readTrackingBody does. Bodies of the types that net/http treats apart go
// down as they are, and may be closed twice: of those it sends header and body in one
// write, or a file by sendfile.
type trackedBody struct {
	io.ReadCloser
	didRead  atomic.Bool
	didClose atomic.Bool
	// held puts Close off while another try may still need the body unread.
	held     atomic.Bool
	wasAsked atomic.Bool
}

func (b *trackedBody) Read(p []byte) (int, error) {
	b.read()
	return b.ReadCloser.Read(p)
}

// read notes that a read begins. HTTP/2's writer may begin one after a Close that was put
// off. The body is closed then: else that read would wait in a pipe for bytes that the
// caller no longer sends.
func (b *trackedBody) read() {
	b.didRead.Store(true)
	if b.held.Load() && b.wasAsked.Load() {
		b.close()
	}
}

// Close notes that it was called before it looks whether there was a read; read notes
// itself before it looks for a Close. So of the two at least one closes the body.
func (b *trackedBody) Close() error {
	b.wasAsked.Store(true)
	if b.held.Load() && !b.didRead.Load() {
		return nil
	}
	return b.close()
}

func (b *trackedBody) close() error {
	if b.didClose.Swap(true) {
		return nil
	}
	return b.ReadCloser.Close()
}

// trackedWriterTo is a trackedBody over a body that is an io.WriterTo.
type trackedWriterTo struct{ *trackedBody }

func (b trackedWriterTo) WriteTo(w io.Writer) (int64, error) {
	b.read()
	return b.ReadCloser.(io.WriterTo).WriteTo(w)
}

// track returns the body that goes down, and its trackedBody, nil for a body that goes
// down as it is. Body is not nil.
func track(body io.ReadCloser) (io.ReadCloser, *trackedBody) {
	if body == http.NoBody || knownToNetHTTP(body) {
		return body, nil
	}
	t := &trackedBody{ReadCloser: body}
	if _, ok := body.(io.WriterTo); ok {
		return trackedWriterTo{t}, t
	}
	return t, t
}

// knownToNetHTTP reports whether net/http treats a body of that type apart:
// transferWriter.unwrapBody and isKnownInMemoryReader, and sendfile.
func knownToNetHTTP(body io.ReadCloser) bool {
	if _, ok := body.(syscall.Conn); ok {
		return true // a file, or what embeds one
	}
	for r := io.Reader(body); ; {
		switch r.(type) {
		case *bytes.Reader, *bytes.Buffer, *strings.Reader:
			return true
		}
		t := reflect.TypeOf(r)
		if t != nopCloser && t != nopCloserWriterTo {
			return false
		}
		r, _ = reflect.ValueOf(r).Field(0).Interface().(io.Reader)
		if r == nil {
			return false
		}
	}
}

// The two types that io.NopCloser returns.
var (
	nopCloser         = reflect.TypeOf(io.NopCloser(nil))
	nopCloserWriterTo = reflect.TypeOf(io.NopCloser(struct {
		io.Reader
		io.WriterTo
	}{}))
)
