package connpool

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/ledger"
)

// toldLives is a Subscriber that notes everything it is told.
type toldLives struct {
	mu  sync.Mutex
	all []ledger.ClosedConn
}

func (l *toldLives) ConnClosed(c ledger.ClosedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, c)
}

func (l *toldLives) Same(s ledger.Subscriber) bool { return s == ledger.Subscriber(l) }

// The credentials of a proxy are in its URL; in a URL made by hand perhaps in its Host. They
// keep connections apart, and are never shown.
func TestAProxysCredentialsAreNotShown(t *testing.T) {
	var accepted atomic.Int64
	addr := proxy(t, &accepted).Host
	for name, via := range map[string]url.URL{
		"as they should": {Host: addr, User: url.UserPassword("user", "s3cret")},
		"in the Host":    {Host: "user:s3cret@" + addr},
		"in an odd Host": {Host: "[user:s3cret@" + addr},
	} {
		t.Run(name, func(t *testing.T) {
			via.Scheme = "http"
			p := newPool(t, &http.Transport{
				Proxy: http.ProxyURL(&via),
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, addr)
				},
			}, Options{})
			told := new(toldLives)
			p.ledger.Subscribe(told)
			fetchBy(t, p, "http://host.example")
			n := 0
			p.Counts(func(c ledger.Counts) {
				n += int(c.Opened)
				if text := fmt.Sprintf("%+v", c); strings.Contains(text, "s3cret") {
					t.Errorf("counts: %s", text)
				}
			})
			if name, ok := p.BarelyUsed(); strings.Contains(name, "s3cret") {
				t.Errorf("the one host: %s, %v", name, ok)
			}
			settles(t, p)
			told.mu.Lock()
			defer told.mu.Unlock()
			if text := fmt.Sprintf("%+v", told.all); n != 1 || len(told.all) != 1 || strings.Contains(text, "s3cret") {
				t.Errorf("%d connections, told of %s", n, text)
			}
		})
	}
}

// fetchBy gets a response and reads it to its end.
func fetchBy(t *testing.T, p *Pool, url string) {
	t.Helper()
	req, _ := http.NewRequest("GET", url, nil)
	resp, err := rt{p: p}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// They are shown as one host. But a proxy may authenticate connections.
func TestProxiesWithOtherCredentialsShareNoConnection(t *testing.T) {
	addr := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		first := ""
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			who := req.Header.Get("Proxy-Authorization")
			if first == "" {
				first = who
			}
			if who == "" || who != first {
				t.Errorf("credentials %q on a connection of %q", who, first)
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	user := ""
	p := newPool(t, &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
		return &url.URL{Scheme: "http", Host: addr, User: url.UserPassword(user, "s3cret")}, nil
	}}, Options{})
	for i := range 6 {
		user = fmt.Sprint("user", i%2)
		fetchBy(t, p, "http://host.example")
	}
	opened := 0
	p.Counts(func(c ledger.Counts) { opened += int(c.Opened) })
	if opened != 2 {
		t.Errorf("%d connections for two users, want 2", opened)
	}
}
