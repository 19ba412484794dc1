package connpool

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
)

// uploads is an HTTP/2 server that answers the first request of a connection before it has the
// body, and then calls behind, if that is not nil. It answers other requests when they are
// complete.
type uploads struct {
	url    string
	base   *http.Transport
	came   chan bool     // the body of a first request came, to its end
	closed chan struct{} // the client has closed a connection
}

func newUploads(t *testing.T, behind func(c *h2, stream uint32)) *uploads {
	u := &uploads{came: make(chan bool, 10), closed: make(chan struct{}, 10)}
	u.url, u.base = scriptH2(t, func(_ int, c *h2) {
		first := c.headers()
		if first == 0 {
			return
		}
		c.answer(first) // for the server the exchange is over
		if behind != nil {
			behind(c, first)
		}
		for sending := true; ; {
			switch stream := c.request(); stream {
			case first:
				sending = false
				u.came <- true
			case 0:
				if sending {
					u.came <- false
				}
				u.closed <- struct{}{}
				return
			default:
				c.answer(stream)
			}
		}
	})
	return u
}

// begin sends a request that is answered while its body is being sent, and ends the
// exchange.
func (u *uploads) begin(t *testing.T, r http.RoundTripper, change func(*http.Request)) (rest *io.PipeWriter) {
	t.Helper()
	body, rest := io.Pipe()
	t.Cleanup(func() { rest.Close() })
	req, _ := http.NewRequest("POST", u.url, body)
	if change != nil {
		change(req)
	}
	resp, err := r.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return rest
}

// end sends the rest of the body, and checks that all of it comes.
func (u *uploads) end(t *testing.T, rest *io.PipeWriter) {
	t.Helper()
	for range 3 {
		if _, err := io.WriteString(rest, "the rest of it"); err != nil {
			t.Error("what is left to send:", err)
		}
	}
	rest.Close()
	select {
	case whole := <-u.came:
		if !whole {
			t.Error("the connection was closed in the middle of an upload")
		}
	case <-time.After(hangs):
		t.Error("the upload did not come to its end")
	}
}

// TestClosingIdleConnectionsCutsNoUpload: the exchange has ended, and the request is still
// being written.
func TestClosingIdleConnectionsCutsNoUpload(t *testing.T) {
	u := newUploads(t, nil)
	bareAndPool(t, Options{}, u.base.Clone, func(t *testing.T, r http.RoundTripper) {
		rest := u.begin(t, r, nil)
		switch r := r.(type) {
		case rt:
			r.p.CloseIdleConnections()
		case *http.Transport:
			r.CloseIdleConnections()
		}
		u.end(t, rest)
	})
}

// TestAConnectionIsClosedBehindTheUploadThatOutlivesItsExchange, and not before.
func TestAConnectionIsClosedBehindTheUploadThatOutlivesItsExchange(t *testing.T) {
	for name, tt := range map[string]struct {
		o      Options
		policy Policy
	}{
		"MaxUses":        {o: Options{MaxUses: 1}},
		"Policy.MaxUses": {policy: Policy{MaxUses: 1}},
		"MaxAge":         {o: Options{MaxAge: time.Nanosecond}},
		"Policy.MaxAge":  {policy: Policy{MaxAge: time.Nanosecond}},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUploads(t, nil)
			p := newPool(t, u.base, tt.o)
			sent := watchUpload(t, p)
			rest := u.begin(t, rt{p: p, policy: tt.policy}, nil)
			p.CloseIdleConnections()
			sent()
			u.end(t, rest)
			u.gone(t, p)
		})
	}
}

// watchUpload fails the test if the first connection is lost before sent is called.
func watchUpload(t *testing.T, p *Pool) (sent func()) {
	var over atomic.Bool
	table := p.onEdge
	p.onEdge = func(c *Conn, from, to state) {
		table(c, from, to)
		if c.ID == 1 && (to == closing || to == closed) && !over.Load() {
			t.Errorf("the connection is %v while an upload goes on", to)
		}
	}
	return func() { over.Store(true) }
}

// gone waits until the client has closed the connection, and its books with it.
func (u *uploads) gone(t *testing.T, p *Pool) {
	t.Helper()
	select {
	case <-u.closed:
	case <-time.After(hangs):
		t.Fatal("the connection was not closed behind the upload")
	}
	eventually.True(t, "the books to be closed", func() bool { return remains(p) == "" })
}

func TestShutdownBeforeTheExchangeEndsClosesAConnectionBehindTheUploadOnIt(t *testing.T) {
	u := newUploads(t, nil)
	p := newPool(t, u.base, Options{})
	sent := watchUpload(t, p)
	rest := u.begin(t, shutsDown{rt{p: p}}, nil)
	sent()
	u.end(t, rest)
	u.gone(t, p)
}

// shutsDown shuts the Pool down while the exchange goes on.
type shutsDown struct{ rt }

func (s shutsDown) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { s.p.Shutdown() }})
	return s.rt.RoundTrip(req.WithContext(ctx))
}
