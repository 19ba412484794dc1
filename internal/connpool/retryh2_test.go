package connpool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/loss"
)

// TestRetriesStreamsAsNetHTTP is TestRetriesAsNetHTTP over HTTP/2. The server
// answers the first request of a connection, the fault meets the second of the
// first connection.
func TestRetriesStreamsAsNetHTTP(t *testing.T) {
	faults := map[string]func(c *h2, stream uint32){
		"refused":           func(c *h2, stream uint32) { c.reset(stream, h2ErrCodeRefused) },
		"protocol error":    func(c *h2, stream uint32) { c.reset(stream, h2ErrCodeProtocol) },
		"internal error":    func(c *h2, stream uint32) { c.reset(stream, 2) },
		"cancelled":         func(c *h2, stream uint32) { c.reset(stream, 8) },
		"went away before":  func(c *h2, stream uint32) { c.goAway(stream-2, 0); c.request() },
		"went away in rage": func(c *h2, stream uint32) { c.goAway(stream-2, 11); c.Close() },
		"went away behind":  func(c *h2, stream uint32) { c.goAway(stream, 0); c.answer(stream) },
		"closed":            func(c *h2, _ uint32) { c.Close() },
	}
	for fault, f := range faults {
		for name, s := range requests {
			if s.invalid || s.noHost || s.noPath || s.bad || s.short {
				continue
			}
			t.Run(fault+"/"+name, func(t *testing.T) {
				t.Parallel()
				var results []string
				for _, own := range []bool{false, true} {
					var came, conns atomic.Int64
					url, base := scriptH2(t, func(n int, c *h2) {
						conns.Add(1)
						for i := 0; ; i++ {
							stream := c.request()
							if stream == 0 {
								return
							}
							came.Add(1)
							if n == 1 && i == 1 {
								f(c, stream)
							} else {
								c.answer(stream)
							}
						}
					})
					var r http.RoundTripper = base
					if own {
						r = rt{p: newPool(t, base, Options{})}
					}
					must(t, r, url)
					b := &bodies{sent: s}
					text := outcome(t, r, b.request(url), b)
					results = append(results, fmt.Sprintf("%s; %d requests came, %d connections", text, came.Load(), conns.Load()))
				}
				if results[0] != results[1] {
					t.Errorf("\nbare %s\nown  %s", results[0], results[1])
				}
			})
		}
	}
}

// TestAnEndedContextOutweighsAServerThatWentAway: where a context ends while the
// request is taken off a connection that goes away, the error is the context's.
// Bare net/http's is too, but for a race of its own on whether the body was read.
func TestAnEndedContextOutweighsAServerThatWentAway(t *testing.T) {
	url, base := scriptH2(t, func(_ int, c *h2) {
		c.answer(c.request())
		c.goAway(c.headers()-2, 0)
		c.request()
	})
	r := rt{p: newPool(t, base, Options{})}
	must(t, r, url)
	ctx, cancel := context.WithCancel(context.Background())
	req, _ := http.NewRequestWithContext(ctx, "POST", url, newCancelingBody(cancel))
	req.GetBody = func() (io.ReadCloser, error) { return newCancelingBody(cancel), nil }
	if _, err := r.RoundTrip(req); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

// cancelingBody has no byte until it is closed, and then first cancels its request.
type cancelingBody struct {
	cancel func()
	once   sync.Once
	closed chan struct{}
}

func newCancelingBody(cancel func()) *cancelingBody {
	return &cancelingBody{cancel: cancel, closed: make(chan struct{})}
}

func (b *cancelingBody) Read([]byte) (int, error) {
	<-b.closed
	return 0, io.EOF
}

func (b *cancelingBody) Close() error {
	b.once.Do(func() {
		b.cancel()
		close(b.closed)
	})
	return nil
}

// TestErrorsAreSpelledAsNetHTTPSpellsThem fails where net/http has changed a text or a name by
// which retry.go knows an error.
func TestErrorsAreSpelledAsNetHTTPSpellsThem(t *testing.T) {
	conn := func(t *testing.T, base *http.Transport, scheme, addr string) *http.ClientConn {
		cc, err := base.NewClientConn(context.Background(), scheme, addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cc.Close() })
		return cc
	}
	send := func(t *testing.T, cc *http.ClientConn, url string) error {
		req, _ := http.NewRequest("GET", url, nil)
		_, err := cc.RoundTrip(req)
		if err == nil {
			t.Fatal("no error")
		}
		return err
	}
	t.Run("HTTP/1", func(t *testing.T) {
		for i, want := range map[int]string{0: readFromServer, 1: readFromServer, 5: nothingWritten} {
			addr := script(t, func(_ int, c net.Conn, r *bufio.Reader) { faults[i].serve(1, c, r, func() {}) })
			base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				nc, err := new(net.Dialer).DialContext(ctx, network, addr)
				if faults[i].dial != nil && err == nil {
					nc = faults[i].dial(nc)
				}
				return nc, err
			}}
			cc := conn(t, base, "http", addr)
			must(t, cc, "http://"+addr)
			eventually.True(t, "the connection to be free", func() bool { return cc.Available() == 1 })
			if got := reflect.TypeOf(send(t, cc, "http://"+addr)).String(); got != want {
				t.Errorf("%s: a %s, want a %s", faults[i].name, got, want)
			}
		}
		addr := script(t, func(_ int, c net.Conn, r *bufio.Reader) { read(r); io.WriteString(c, ok200) })
		cc := conn(t, &http.Transport{}, "http", addr)
		must(t, cc, "http://"+addr)
		eventually.True(t, "the connection to be closed", func() bool { return cc.Err() != nil })
		if err := send(t, cc, "http://"+addr); err.Error() != serverClosedIdle {
			t.Errorf("%q, want %q", err, serverClosedIdle)
		}
		addr = script(t, func(_ int, _ net.Conn, r *bufio.Reader) { read(r) })
		req, _ := http.NewRequest("GET", "http://"+addr, nil)
		req.Header["X"] = []string{"\n"}
		if _, err := conn(t, &http.Transport{}, "http", addr).RoundTrip(req); !refused(err) {
			t.Errorf("invalid header: %v", err)
		}
		req.Header, req.Trailer = http.Header{}, http.Header{"X": {"\n"}}
		if _, err := conn(t, &http.Transport{}, "http", addr).RoundTrip(req); !refused(err) {
			t.Errorf("invalid trailer: %v", err)
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		for _, tt := range []struct {
			serve func(c *h2, stream uint32)
			want  string
		}{
			{func(c *h2, stream uint32) { c.goAway(0, 0); c.request() }, h2GotGoAway},
			{func(c *h2, stream uint32) { c.reset(stream, h2ErrCodeRefused); c.request() }, ""},
		} {
			url, base := scriptH2(t, func(_ int, c *h2) { tt.serve(c, c.request()) })
			cc := conn(t, base, "https", url[len("https://"):])
			err := send(t, cc, url)
			var se streamError
			switch {
			case tt.want != "" && err.Error() != tt.want:
				t.Errorf("%q, want %q", err, tt.want)
			case tt.want == "" && (!errors.As(err, &se) || se.Code != h2ErrCodeRefused || se.Cause == nil || se.Cause.Error() != h2FromPeer):
				t.Errorf("%#v is no stream error as it was", err)
			}
			cc.Close()
			if err := send(t, cc, url); err.Error() != h2Unusable {
				t.Errorf("closed: %q, want %q", err, h2Unusable)
			}
		}
	})
}

// TestAGoAwayBesideTheLastResponseIsTold: at its keepalive_requests nginx sends the GOAWAY
// while other streams are under way, and closes the connection: all in one piece.
func TestAGoAwayBesideTheLastResponseIsTold(t *testing.T) {
	url, base := scriptH2(t, func(n int, c *h2) {
		c.answer(c.request())
		if n > 1 {
			c.request()
			return
		}
		one, other := c.request(), c.request()
		c.raw.cork = true
		c.answer(one)
		c.goAway(other, 0)
		c.answer(other)
		c.Close()
	})
	r := rt{p: newPool(t, base, Options{})}
	must(t, r, url)
	for _, done := range []<-chan error{send(t.Context(), r, url), send(t.Context(), r, url)} {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	must(t, r, url)
	eventually.True(t, "a connection to be closed, and lost to a GOAWAY", func() bool { return lost(r.p, loss.GoAway) == 1 })
}
