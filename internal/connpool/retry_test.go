package connpool

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
)

// fault is a server, or a dialer, on which requests fail. Serve tells of each
// request that came after the first.
type fault struct {
	name  string
	serve func(n int, c net.Conn, r *bufio.Reader, came func())
	dial  func(nc net.Conn) net.Conn
	fresh bool // no request comes before
}

const ok200 = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// once has f end the first connection, when its second request has come, and
// answers all others.
func once(f func(c net.Conn)) func(int, net.Conn, *bufio.Reader, func()) {
	return func(n int, c net.Conn, r *bufio.Reader, came func()) {
		for i := 0; read(r) != nil; i++ {
			if n > 1 || i > 0 {
				came()
			}
			if n == 1 && i == 1 {
				f(c)
				return
			}
			io.WriteString(c, ok200)
		}
	}
}

func tell(req *http.Request, came func()) {
	if req != nil {
		came()
	}
}

func reset(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }

var faults = []fault{
	{name: "closed idle", serve: once(func(net.Conn) {})},
	{name: "reset idle", serve: once(reset)},
	{name: "half a response", serve: once(func(c net.Conn) { io.WriteString(c, "HTTP/1.1 20") })},
	{name: "no HTTP", serve: once(func(c net.Conn) { io.WriteString(c, "220 smtp\r\n\r\n") })},
	{name: "none", serve: once(func(c net.Conn) { io.WriteString(c, ok200) })},
	{name: "nothing written", serve: once(func(c net.Conn) { io.WriteString(c, ok200) }), dial: func(nc net.Conn) net.Conn { return &mute{Conn: nc} }},
	{name: "fresh, closed", fresh: true, serve: func(_ int, _ net.Conn, r *bufio.Reader, came func()) { tell(read(r), came) }},
	{name: "fresh, reset", fresh: true, serve: func(_ int, c net.Conn, r *bufio.Reader, came func()) { tell(read(r), came); reset(c) }},
	{name: "fresh, nothing written", fresh: true, serve: once(func(net.Conn) {}), dial: func(nc net.Conn) net.Conn { return &mute{Conn: nc, n: 1} }},
}

// mute lets the first request out, and no more; none if n is 1.
type mute struct {
	net.Conn
	n int
}

var errMute = errors.New("nothing goes out")

func (m *mute) Write(p []byte) (int, error) {
	if m.n++; m.n > 1 {
		return 0, errMute
	}
	return m.Conn.Write(p)
}

// sent is a kind of request.
type sent struct {
	method, key    string // key: an Idempotency-Key
	body, getBody  bool
	bad, short     bool // the body fails at once, or is shorter than ContentLength
	invalid        bool // a header is invalid
	noHost, noPath bool // the Host header is invalid, or the URL
	inMemory       bool
	timeout        bool // it has a Cancel, as by http.Client's Timeout: net/http's tries read that for a while
}

var requests = map[string]sent{
	"GET":                         {method: "GET"},
	"GET with a body":             {method: "GET", body: true},
	"GET with GetBody":            {method: "GET", body: true, getBody: true},
	"POST without a body":         {method: "POST"},
	"POST":                        {method: "POST", body: true},
	"POST with GetBody":           {method: "POST", body: true, getBody: true},
	"POST in memory":              {method: "POST", body: true, getBody: true, inMemory: true},
	"POST with a key":             {method: "POST", body: true, key: "k"},
	"POST with a key and GetBody": {method: "POST", body: true, getBody: true, key: "k"},
	"POST with a key, a timeout":  {method: "POST", body: true, getBody: true, key: "k", timeout: true},
	"POST of a body that fails":   {method: "POST", body: true, getBody: true, bad: true},
	"POST of a short body":        {method: "POST", body: true, getBody: true, short: true},
	"GET with an invalid header":  {method: "GET", invalid: true},
	"POST with an invalid header": {method: "POST", body: true, invalid: true},
	"GET with an invalid Host":    {method: "GET", noHost: true},
	"GET with an invalid URL":     {method: "GET", noPath: true},
}

// bodies counts how often a request's bodies were made, read and closed.
type bodies struct {
	sent
	mu     sync.Mutex
	closes []int
}

func (b *bodies) new() io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closes = append(b.closes, 0)
	r := io.Reader(strings.NewReader("0123456789"))
	switch {
	case b.inMemory:
		b.closes[len(b.closes)-1] = 1
		return io.NopCloser(bytes.NewReader([]byte("0123456789")))
	case b.bad:
		r = failing{}
	case b.short:
		r = strings.NewReader("01234")
	}
	return &countedBody{r, b, len(b.closes) - 1}
}

type countedBody struct {
	io.Reader
	of *bodies
	i  int
}

func (c *countedBody) Close() error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.closes[c.i]++
	return nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the body fails") }

func (b *bodies) request(url string) *http.Request {
	req, _ := http.NewRequest(b.method, url, nil)
	if b.body {
		req.Body, req.ContentLength = b.new(), 10
	}
	if b.getBody {
		req.GetBody = func() (io.ReadCloser, error) { return b.new(), nil }
	}
	if b.timeout {
		req.Cancel = make(chan struct{}) //lint:ignore SA1019 http.Client's Timeout closes it
	}
	if b.key != "" {
		req.Header.Set("Idempotency-Key", b.key)
	}
	if b.invalid {
		req.Header["X"] = []string{"a\nb"}
	}
	if b.noHost {
		req.Host = "a\nb"
	}
	if b.noPath {
		req.URL.Opaque = "//a\nb"
	}
	return req
}

var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// outcome sends the request, and returns everything about it that a caller or a server can
// see.
func outcome(t *testing.T, r http.RoundTripper, req *http.Request, b *bodies) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	text := "ok"
	resp, err := r.RoundTrip(req.WithContext(ctx))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if err != nil {
		text = address.ReplaceAllString(err.Error(), "ADDR")
	}
	if _, own := r.(rt); own {
		eventually.True(t, "each body to be closed once", func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			return !slices.ContainsFunc(b.closes, func(n int) bool { return n != 1 })
		})
	}
	return text
}

// TestRetriesAsNetHTTP makes each error for real, and compares.
func TestRetriesAsNetHTTP(t *testing.T) {
	for _, f := range faults {
		for name, s := range requests {
			if f.fresh && (s.noPath || s.bad || s.short) {
				continue // both sides find an error, and either may be returned
			}
			t.Run(f.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				// Of a request that breaks off its own connection, either side's error may come first,
				// and so of a connection on which no Write succeeds. And net/http does not put the first
				// connection back where its writer has had no turn for 50 ms. So what is strange at first
				// is played seven times more, and may be strange twice.
				bare := make(map[string]bool)
				var strange []string
				for play := range 8 {
					bare[retried(t, f, s, false)] = true
					strange = append(strange, retried(t, f, s, true))
					if play == 0 && bare[strange[0]] {
						return
					}
				}
				strange = slices.DeleteFunc(strange, func(own string) bool { return bare[own] })
				if len(strange) > 2 {
					t.Errorf("\nbare %q\nown  %q", slices.Collect(maps.Keys(bare)), strange)
				}
			})
		}
	}
}

// retried plays a fault with a request, over the Pool or bare net/http, and says what came of it.
func retried(t *testing.T, f fault, s sent, own bool) string {
	var came, dials atomic.Int64
	addr := script(t, func(n int, c net.Conn, r *bufio.Reader) { f.serve(n, c, r, func() { came.Add(1) }) })
	base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		n := dials.Add(1)
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		if f.dial != nil && n == 1 && err == nil {
			nc = f.dial(nc)
		}
		return nc, err
	}}
	defer base.CloseIdleConnections()
	var r http.RoundTripper = base
	if own {
		r = rt{p: newPool(t, base, Options{})}
	}
	if !f.fresh {
		must(t, r, "http://"+addr)
	}
	b := &bodies{sent: s}
	text := outcome(t, r, b.request("http://"+addr), b)
	if s.invalid && f.fresh {
		dials.Store(0) // the Pool finds out after the dial
	}
	return fmt.Sprintf("%s; %d requests came, %d dials", text, came.Load(), dials.Load())
}
