package roundtripper_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// endsFirst starts a server and returns how it is dialed. Once the first response is sent, end
// ends the first connection. All other requests are answered.
func endsFirst(t *testing.T, end func(c net.Conn, r *bufio.Reader)) func(context.Context, string, string) (net.Conn, error) {
	l := &pipes{make(chan net.Conn), make(chan struct{})}
	t.Cleanup(func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					if _, err := http.ReadRequest(r); err != nil {
						return
					}
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
					if n == 0 {
						end(c, r)
						return
					}
				}
			}()
		}
	}()
	return l.dial
}

// TestWhoEndedTheConnectionBeforeThisOne sends two requests, of which the second
// needs a new connection or finds out that it does.
func TestWhoEndedTheConnectionBeforeThisOne(t *testing.T) {
	tests := map[string]struct {
		end  func(c net.Conn, r *bufio.Reader)
		idle bool // it is known before the second request
		want roundtripper.NewReason
	}{
		// HAProxy and others send 408 before they close (RFC 9110, 15.5.9).
		"a 408 on an idle connection": {
			end: func(c net.Conn, _ *bufio.Reader) {
				<-time.After(50 * time.Millisecond) // the server's limit
				io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
			},
			idle: true,
			want: "server_closed_idle",
		},
		"closed while idle": {
			end:  func(net.Conn, *bufio.Reader) {},
			idle: true,
			want: "server_closed_idle",
		},
		// The request arrived, and the server died while it worked on it: that is no
		// limit on idle connections. A GET is sent again.
		"a server that dies under a GET": {
			end: func(_ net.Conn, r *bufio.Reader) {
				http.ReadRequest(r)
				<-time.After(100 * time.Millisecond)
			},
			want: "conn_error",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a busy machine's connect may take longer than the death
				observe, ends := collect()
				p := pool.New(pool.Options{})
				defer p.Close()
				client := roundtripper.Client(&http.Client{Transport: &http.Transport{DialContext: endsFirst(t, tt.end)}}, observe, p.Middleware)
				defer client.CloseIdleConnections()
				for i, want := range []roundtripper.NewReason{"first", tt.want} {
					resp, err := client.Get("http://host.example")
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if e := <-ends; e.NewReason != want || e.Culprit.SpanID != [8]byte{} {
						t.Errorf("request %d: new for %q, by span %x; want %q, by none", i, e.NewReason, e.Culprit.SpanID, want)
					}
					if i == 0 && tt.idle {
						eventually.True(t, "the connection to be closed", func() bool { return p.Stats().Open == 0 })
					}
				}
				if lost := p.Stats().Lost; lost[tt.want] != 1 {
					t.Errorf("Stats.Lost is %v, want one %s", lost, tt.want)
				}
			})
		})
	}
}
