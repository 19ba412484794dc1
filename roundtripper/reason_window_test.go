package roundtripper_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// ends is a connection whose Read returns the server's FIN when the test lets it.
type ends struct {
	net.Conn
	once sync.Once
	fin  chan struct{}
}

func (e *ends) end() {
	e.once.Do(func() {
		close(e.fin)
		e.SetReadDeadline(time.Unix(1, 0))
	})
}

func (e *ends) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	select {
	case <-e.fin:
		return 0, io.EOF
	default:
		return n, err
	}
}

// inTheWindow sends a request, and a second one that has the connection as its FIN comes,
// long before it writes. It returns the second one's Exchange, and its error.
func inTheWindow(t *testing.T, secure bool, method string, redial func(ctx context.Context) error) (e roundtripper.Exchange, lost map[roundtripper.NewReason]uint64, err error) {
	s := testserver.New(http.HandlerFunc(handler), testserver.Options{Memory: true, TLS: secure})
	defer s.Close()
	var nc *ends
	base := s.Transport()
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if nc != nil && redial != nil {
			if err := redial(ctx); err != nil {
				return nil, err
			}
		}
		c, err := s.Dial(ctx, network, addr)
		nc = &ends{Conn: c, fin: make(chan struct{})}
		return nc, err
	}
	p := pool.New(pool.Options{})
	defer p.Close()
	observe, exchanges := collect()
	client := roundtripper.Client(&http.Client{Transport: base}, observe, p.Middleware)
	defer client.CloseIdleConnections() // and not by the collector, outside of the bubble
	send := func(ctx context.Context) error {
		var body io.Reader
		if method == "POST" {
			body = io.MultiReader(strings.NewReader("x")) // can't be sent twice
		}
		req, _ := http.NewRequestWithContext(ctx, method, s.URL, body)
		resp, err := client.Do(req)
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return err
	}
	if err := send(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-exchanges
	first := nc
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		first.end()
		time.Sleep(100 * time.Millisecond) // of the bubble's time
	}})
	err = send(ctx)
	synctest.Wait()
	lost = map[roundtripper.NewReason]uint64{}
	for r, n := range p.Stats().Lost {
		lost[r] = uint64(n)
	}
	return <-exchanges, lost, err
}

// Net/http's error is "server closed idle connection", or it tries again. The request's own
// wait before it wrote is not the server's fault.
func TestFINBeforeTheRequestIsWrittenIsThatOfAnIdleConnection(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, method := range []string{"POST", "GET"} {
			t.Run(fmt.Sprintf("%s, tls=%v", method, secure), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e, lost, err := inTheWindow(t, secure, method, nil)
					if (err != nil) != (method == "POST") {
						t.Errorf("error %v", err)
					}
					if method == "POST" && e.LostReason != "server_closed_idle" || method == "GET" && e.NewReason != "server_closed_idle" {
						t.Errorf("lost for %q, new for %q; want server_closed_idle", e.LostReason, e.NewReason)
					}
					if len(lost) != 1 || lost["server_closed_idle"] != 1 {
						t.Errorf("Stats.Lost is %v, want one server_closed_idle", lost)
					}
				})
			})
		}
	}
}

// The request is tried again, and its own dial fails: that is not the reason why its earlier
// connection was lost.
func TestADialThatFailsBehindAStaleConnectionDoesNotTellOfThat(t *testing.T) {
	for name, redial := range map[string]func(context.Context) error{
		"deadline": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"refused":  func(context.Context) error { return errors.New("refused") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, lost, err := inTheWindow(t, false, "GET", redial)
				if err == nil {
					t.Error("no error")
				}
				if lost["server_closed_idle"] != 1 || e.LostReason != "" && lost[e.LostReason] != 1 {
					t.Errorf("error %v: the exchange says lost for %q, Stats.Lost is %v", err, e.LostReason, lost)
				}
			})
		})
	}
}
