package roundtripper_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestCancelInTheSameMomentAsTheEnd: net/http then refuses to keep a connection whose body has
// ended, with an error that it is in a bad state, or with none. The reason is the cancel, and
// not the server.
func TestCancelInTheSameMomentAsTheEnd(t *testing.T) {
	broken := errors.New("http: putIdleConn: connection is in bad state")
	for _, told := range []error{nil, broken} {
		for _, closing := range []bool{false, true} {
			h := newHooked()
			ctx, cancel := context.WithCancel(t.Context())
			h.base = func(req *http.Request, c *httptrace.ClientTrace) (*http.Response, error) {
				c.GetConn("host.example:80")
				c.GotConn(httptrace.GotConnInfo{Conn: h.conn})
				cancel()
				if told != nil {
					c.PutIdleConn(told)
				}
				return respond(200, io.NopCloser(strings.NewReader("hello")))(req)
			}
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://host.example/", nil)
			resp, err := h.rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if !closing {
				io.Copy(io.Discard, resp.Body)
			}
			resp.Body.Close()
			if e := h.ends[0]; e.Outcome != roundtripper.OutcomeCanceled || e.LostReason != roundtripper.ReasonCanceled {
				t.Errorf("closed %v, net/http says %v: outcome %q, lost for %q; want canceled, canceled", closing, told, e.Outcome, e.LostReason)
			}
		}
	}
}

// slowCloser tells when a connection is read from, and does not close it during a Read. So the
// server's answer to a TLS alert is read.
type slowCloser struct {
	net.Conn
	reads, read chan struct{}
}

func (c slowCloser) Read(p []byte) (int, error) {
	c.reads <- struct{}{}
	defer func() { c.read <- struct{}{} }()
	return c.Conn.Read(p)
}

func (c slowCloser) Close() error {
	select {
	case <-c.read:
	case <-time.After(20 * time.Millisecond): // plain: the server knows of nothing
	}
	return c.Conn.Close()
}

// TestCloseUnderARead: the Read is cancelled, by the kit or at the end of net/http's drain. The
// server then ends the body, which must not be taken for the body's own end.
func TestCloseUnderARead(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("pool=%v/tls=%v", pooled, secure), func(t *testing.T) {
				reads, read := make(chan struct{}, 1000), make(chan struct{}, 1000)
				s := newScene(t, testserver.Options{TLS: secure}, func(base *http.Transport) {
					base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
						nc, err := new(net.Dialer).DialContext(ctx, network, addr)
						return slowCloser{nc, reads, read}, err
					}
				}, pooled)
				resp := s.do("/hang", nil)
				if n, err := resp.Body.Read(make([]byte, 10)); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				for len(read) > 0 {
					<-reads
					<-read
				}
				done := make(chan error)
				go func() {
					_, err := resp.Body.Read(make([]byte, 10))
					done <- err
				}()
				<-reads
				resp.Body.Close()
				if err := <-done; !errors.Is(err, http.ErrBodyReadAfterClose) {
					t.Errorf("the Read returned %v", err)
				}
				if e := s.next(); e.Outcome != roundtripper.OutcomeClosed || e.LostReason != closedUnderRead {
					t.Errorf("outcome %q, lost for %q; want closed, %s", e.Outcome, e.LostReason, closedUnderRead)
				}
				if e := s.read("/", nil); e.NewReason != roundtripper.ReasonBodyUnread && e.NewReason != closedUnderRead {
					t.Errorf("the next connection is new for %q, want body_unread", e.NewReason)
				}
			})
		}
	}
}

// TestCloseWakesEveryRead: HTTP/2's pipe alone would wake one of them.
func TestCloseWakesEveryRead(t *testing.T) {
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		s := newScene(t, o, nil, false)
		resp := s.do("/hang", nil)
		const n = 5
		done := make(chan error, n)
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		for range n {
			reading := make(chan struct{})
			go func() {
				close(reading)
				_, err := resp.Body.Read(make([]byte, 1))
				done <- err
			}()
			<-reading
		}
		resp.Body.Close()
		for range n {
			select {
			case err := <-done:
				if err == nil || err == io.EOF {
					t.Errorf("a Read under Close returned %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("HTTP/2 %v: Close has left a Read asleep", o.HTTP2)
			}
		}
		if e := s.next(); e.Outcome != roundtripper.OutcomeClosed {
			t.Errorf("outcome %q, want closed", e.Outcome)
		}
	}
}

// TestHTTP2ConnectionFirstSeenInUse: the exchange for which the connection was dialed may have
// ended before its hook is called. The next one must not take a shared connection for lost.
func TestHTTP2ConnectionFirstSeenInUse(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{HTTP2: true})
	defer srv.Close()
	config := srv.ClientTLS()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", srv.Addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h := newHooked()
	h.base = func(req *http.Request, c *httptrace.ClientTrace) (*http.Response, error) {
		c.GetConn(srv.Addr)
		c.GotConn(httptrace.GotConnInfo{Conn: conn, Reused: true})
		return nil, context.Canceled
	}
	req, _ := http.NewRequest("GET", srv.URL, nil)
	if _, err := h.rt.RoundTrip(req); err == nil {
		t.Fatal("no error")
	}
	if e := h.ends[0]; e.LostReason != "" || e.Outcome != roundtripper.OutcomeCanceled {
		t.Errorf("outcome %q, lost for %q; want canceled and none", e.Outcome, e.LostReason)
	}
	if s := h.pool.Stats(); s.Open != 1 || s.Idle != 1 {
		t.Errorf("%d connections open and %d idle, want 1 and 1", s.Open, s.Idle)
	}
	runtime.KeepAlive(h) // the pool knows its stacks weakly
}

// TestNoBodyNeedsNoClose: a caller that leaves a response without a body unclosed holds
// no slot by it, over HTTP/2 too.
func TestNoBodyNeedsNoClose(t *testing.T) {
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		s := newScene(t, o, nil, true)
		for _, method := range []string{"HEAD", "GET"} {
			resp := s.do("/none", func(r *http.Request) { r.Method = method })
			if e := s.next(); e.Outcome != roundtripper.OutcomeNone || e.Proto != resp.Proto {
				t.Errorf("%s over %s: outcome %q, want none", method, resp.Proto, e.Outcome)
			}
			if st := s.pool.Stats(); st.InUse != 0 {
				t.Errorf("%s over %s: %d slots in use, want 0", method, resp.Proto, st.InUse)
			}
			if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("%s over %s: the body has %d bytes, %v", method, resp.Proto, n, err)
			}
		}
	}
}
