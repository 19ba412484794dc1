package errclass_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/testserver"
)

func fail(t *testing.T, tr *http.Transport, url string) error {
	t.Helper()
	resp, err := tr.RoundTrip(request(t, "GET", url, nil))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Fatal("it did not fail")
	}
	return err
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// Net/http itself makes the errors, so that the texts are its own.
func TestMalformedResponsesAreMalformed(t *testing.T) {
	for _, text := range []string{
		"SMTP ready\r\n\r\n",
		"HTTP/1.1 2xx OK\r\n\r\n",
		"HTTP/x.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcdef\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabcdef\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111111\r\nabcdef\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 5000) + "\r\na\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\na\r\n", 100) + "0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + strings.Repeat("x", 5000) + "\r\n\r\n",
	} {
		tr := testserver.Answering(text)
		defer tr.CloseIdleConnections()
		err := fail(t, tr, "http://host.example/")
		if got := errclass.Of(err); got != "malformed" {
			t.Errorf("%.120q: %q of %v, want malformed", text, got, err)
		}
	}
}

func TestAProxyThatWantsCredentials(t *testing.T) {
	tr := testserver.Answering("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
	tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"})
	err := fail(t, tr, "https://host.example/")
	if got := errclass.Of(fmt.Errorf("wrapped: %w", err)); got != "proxy_auth" {
		t.Errorf("%q of %v, want proxy_auth", got, err)
	}
}

// closing is a connection that tells when net/http has closed it.
type closing struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *closing) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// The server closes the connection just after net/http has chosen it.
func TestServerClosedIdle(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }), testserver.Options{})
	defer srv.Close()
	conn := &closing{closed: make(chan struct{})}
	tr := srv.Transport()
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := srv.Dial(ctx, network, addr)
		conn.Conn = c
		return conn, err
	}
	send := func() error {
		req := request(t, "POST", srv.URL, struct{ io.Reader }{strings.NewReader("x")}) // can't be sent again
		resp, err := tr.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) {
				if info.Reused {
					srv.CloseClientConnections()
					<-conn.closed
				}
			},
		})))
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return err
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	err := send()
	if got := errclass.Of(err); got != "server_closed_idle" {
		t.Errorf("%q of %v, want server_closed_idle", got, err)
	}
}

// silent is a connection whose writes get lost from some time on.
type silent struct {
	net.Conn
	on *atomic.Bool
}

func (c silent) Write(p []byte) (int, error) {
	if c.on.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func TestAnHTTP2ConnectionThatAnswersNoPing(t *testing.T) {
	var on atomic.Bool
	srv := testserver.New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		on.Store(true)
		<-r.Context().Done()
	}), testserver.Options{HTTP2: true})
	defer srv.Close()
	tr := srv.Transport()
	tr.HTTP2 = &http.HTTP2Config{SendPingTimeout: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond}
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := srv.Dial(ctx, network, addr)
		return silent{c, &on}, err
	}
	err := fail(t, tr, srv.URL)
	if got := errclass.Of(err); got != "conn_lost" {
		t.Errorf("%q of %v, want conn_lost", got, err)
	}
}
