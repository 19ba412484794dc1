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
	"sync/atomic"
	"testing"
)

// proxy is a forward proxy: it answers plain requests by itself, with the name of their host,
// and makes tunnels for CONNECT.
func proxy(t testing.TB, accepted *atomic.Int64) *url.URL {
	addr := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		accepted.Add(1)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.Method == "CONNECT" {
				to, err := net.Dial("tcp", req.Host)
				if err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				go func() { io.Copy(to, r); to.Close() }()
				io.Copy(c, to)
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(req.URL.Host), req.URL.Host)
		}
	})
	return &url.URL{Scheme: "http", Host: addr}
}

func TestAForwardProxysConnectionsServeAllHosts(t *testing.T) {
	var accepted, asked atomic.Int64
	via := proxy(t, &accepted)
	p := newPool(t, &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) {
		asked.Add(1)
		if r.Header.Get("Real") == "" {
			t.Error("Proxy was asked with a request that is not the caller's")
		}
		return via, nil
	}}, Options{})
	for i := range 10 {
		host := fmt.Sprintf("host%d.example", i%3)
		req, _ := http.NewRequest("GET", "http://"+host, nil)
		req.Header.Set("Real", "yes")
		resp, err := rt{p: p}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(resp.Body); string(b) != host {
			t.Errorf("the proxy was asked for %q, want %q", b, host)
		}
	}
	if accepted.Load() != 1 || asked.Load() != 10 {
		t.Errorf("%d connections and %d questions, want 1 and 10", accepted.Load(), asked.Load())
	}
}

func TestATunnelServesItsHostOnly(t *testing.T) {
	for _, protocol := range []string{"tls", "h2"} {
		var accepted atomic.Int64
		a, base := serve(t, protocol, hello)
		b, _ := serve(t, protocol, hello)
		base.Proxy = http.ProxyURL(proxy(t, &accepted))
		p := newPool(t, base, Options{})
		for range 3 {
			must(t, rt{p: p}, a.URL)
			must(t, rt{p: p}, b.URL)
		}
		if accepted.Load() != 2 || a.Opened() != 1 || b.Opened() != 1 {
			t.Errorf("%s: %d tunnels, %d and %d connections, want 2, 1, 1", protocol, accepted.Load(), a.Opened(), b.Opened())
		}
		p.CloseIdleConnections()
	}
}

func TestProxyErrorsAreNetHTTPs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	nothing := l.Addr().String() // refuses
	for _, via := range []string{"socks5://" + nothing, "http://" + nothing, "ftp://x"} {
		for _, target := range []string{"https://host.example/", "http://host.example/"} {
			if strings.HasPrefix(via, "http") && strings.HasPrefix(target, "http:") {
				continue // one of several errors, whichever comes first
			}
			u, _ := url.Parse(via)
			base := &http.Transport{Proxy: http.ProxyURL(u), DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if strings.HasPrefix(addr, "x:") || addr == "x" { // no name server is asked
					return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}}
			var texts []string
			for _, r := range []http.RoundTripper{base, rt{p: newPool(t, base, Options{})}} {
				_, err := fetch(r, target)
				texts = append(texts, address.ReplaceAllString(fmt.Sprint(err), "ADDR"))
			}
			if texts[0] != texts[1] {
				t.Errorf("%s by %s: bare %q, own %q", target, via, texts[0], texts[1])
			}
		}
	}
}

// TestRotatingProxiesStayBounded: routes in use are not forgotten, and others are.
func TestRotatingProxiesStayBounded(t *testing.T) {
	var accepted atomic.Int64
	via := proxy(t, &accepted)
	s, base := serve(t, "tls", hello)
	var n atomic.Int64
	base.Proxy = func(*http.Request) (*url.URL, error) {
		u := *via
		u.User = url.User(fmt.Sprint(n.Load()))
		return &u, nil
	}
	p := newPool(t, base, Options{})
	var open []*http.Response
	for range 3 * maxRoutes {
		n.Add(1)
		resp, err := openGet(context.Background(), rt{p: p}, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, resp)
	}
	for _, resp := range open {
		io.Copy(io.Discard, resp.Body)
	}
	if got := count(p, idle); got != len(open) {
		t.Errorf("%d idle, want %d", got, len(open))
	}
	p.CloseIdleConnections()
	waitCount(t, p, closed, len(open))
	n.Add(1)
	must(t, rt{p: p}, s.URL)
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.routes) > maxRoutes {
			t.Errorf("%d routes with one connection", len(h.routes))
		}
	})
}

// TestARetryByAnotherProxyIsCountedWhereItIs: net/http asks Proxy for each try.
func TestARetryByAnotherProxyIsCountedWhereItIs(t *testing.T) {
	one := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		read(r)
		io.WriteString(c, ok200)
		read(r) // and hangs up
	})
	var accepted, asked atomic.Int64
	two := proxy(t, &accepted)
	p := newPool(t, &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
		if asked.Add(1) > 2 {
			return two, nil
		}
		return &url.URL{Scheme: "http", Host: one}, nil
	}}, Options{})
	must(t, rt{p: p}, "http://host.example")
	must(t, rt{p: p}, "http://host.example")
	if accepted.Load() != 1 {
		t.Error("the second proxy was not asked")
	}
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.inFlight != 0 {
			t.Errorf("%s: %d in flight, and all have ended", h.name, h.inFlight)
		}
	})
}

// TestAWebSocketHandshakeGetsHTTP1, also if HTTP/2 connections take the whole limit.
func TestAWebSocketHandshakeGetsHTTP1(t *testing.T) {
	for _, limit := range []int{0, 1} {
		s, base := serve(t, "h2", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
		p := newPool(t, base, Options{MaxConns: limit})
		if got := must(t, rt{p: p}, s.URL); got != "HTTP/2.0" {
			t.Errorf("an ordinary request went over %s", got)
		}
		ctx, cancel := context.WithTimeout(context.Background(), hangs)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
		req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
		resp, err := rt{p: p}.RoundTrip(req)
		if err != nil {
			t.Errorf("limit %d: %v", limit, err)
			continue
		}
		if b, _ := io.ReadAll(resp.Body); string(b) != "HTTP/1.1" {
			t.Errorf("a handshake went over %s", b)
		}
		if got := must(t, rt{p: p}, s.URL); got != "HTTP/2.0" {
			t.Errorf("an ordinary request went over %s", got)
		}
	}
}

func TestARetryWithoutAProxyGoesToItsOwnHost(t *testing.T) {
	one := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		read(r)
		io.WriteString(c, ok200)
		read(r) // and hangs up
	})
	s, _ := serve(t, "http", hello)
	var asked atomic.Int64
	p := newPool(t, &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
		if asked.Add(1) > 2 {
			return nil, nil
		}
		return &url.URL{Scheme: "http", Host: one}, nil
	}}, Options{})
	must(t, rt{p: p}, "http://127.0.0.1:1")
	if got := must(t, rt{p: p}, s.URL); got != "hello" {
		t.Errorf("got %q", got)
	}
}
