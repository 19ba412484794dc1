package connpool

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
)

// TestANameIsDialedAsItIsSpelled: a dialer may find a socket by a name in base64, or a
// service in a registry that tells cases apart.
func TestANameIsDialedAsItIsSpelled(t *testing.T) {
	for _, target := range []string{
		"http://L3Zhci9ydW4vZG9ja2VyLnNvY2s/", "http://L3Zhci9ydW4vZG9ja2VyLnNvY2s:8080/", "https://Host.Example/", "https://host.example:/",
		"http://[FE80::1%25En0]/", "http://[::1]:81/", "https://BÜCHER.example/", "http://bücher.example/",
	} {
		var dialed [2][]string
		for i := range dialed {
			base := &http.Transport{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
				dialed[i] = append(dialed[i], addr)
				return nil, errors.New("nobody there")
			}}
			var r http.RoundTripper = base
			if i == 1 {
				r = rt{p: newPool(t, base, Options{})}
			}
			if _, err := fetch(r, target); err == nil {
				t.Fatal("no error")
			}
		}
		if len(dialed[0]) != 1 || !slices.Equal(dialed[0], dialed[1]) {
			t.Errorf("%s: bare dials %q, own %q", target, dialed[0], dialed[1])
		}
	}
}

// TestANameIsSaidAsItIsSpelled, to a proxy in CONNECT, and in TLS.
func TestANameIsSaidAsItIsSpelled(t *testing.T) {
	s, plain := serve(t, "tls", hello)
	var connects, names [2]string
	for i := range names {
		via := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
			req := read(r)
			to, err := net.Dial("tcp", s.Addr)
			if req == nil || err != nil {
				return
			}
			defer to.Close()
			connects[i] = req.Host
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			go io.Copy(to, r)
			io.Copy(c, to)
		})
		for _, proxied := range []bool{false, true} {
			base := plain.Clone()
			base.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(c tls.ConnectionState) error {
				names[i] += c.ServerName + " "
				return nil
			}}
			base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return s.Dial(ctx, network, s.Addr) }
			if proxied {
				base.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"})
				base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return s.Dial(ctx, network, via) }
			}
			var r http.RoundTripper = base
			if i == 1 {
				r = rt{p: newPool(t, base, Options{})}
			}
			must(t, r, "https://Example.COM/")
			base.CloseIdleConnections()
		}
	}
	if names[0] != names[1] || connects[0] != connects[1] || connects[0] != "Example.COM:443" {
		t.Errorf("bare named %q and CONNECTed to %q, own %q and %q", names[0], connects[0], names[1], connects[1])
	}
}

// TestAHostsSpellingsAreOneHost for the limit and the counters; each has connections of its
// own, as in bare net/http.
func TestAHostsSpellingsAreOneHost(t *testing.T) {
	var dials [2]atomic.Int64
	for i := range dials {
		s, base := serve(t, "http", hello)
		base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			dials[i].Add(1)
			return s.Dial(ctx, network, s.Addr)
		}
		var r http.RoundTripper = base
		if i == 1 {
			p := newPool(t, base, Options{})
			defer func() {
				hosts := 0
				p.hosts.each(func(*Host) { hosts++ })
				if hosts != 1 {
					t.Errorf("%d hosts, want 1", hosts)
				}
			}()
			r = rt{p: p}
		}
		for range 3 {
			must(t, r, "http://host.example/")
			must(t, r, "http://HOST.example/")
		}
	}
	if a, b := dials[0].Load(), dials[1].Load(); a != 2 || b != 2 {
		t.Errorf("%d and %d dials, want 2 each", a, b)
	}
	// Under a limit of one, each must make room for the other.
	s, base := serve(t, "http", hello)
	base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return s.Dial(ctx, network, s.Addr) }
	p := newPool(t, base, Options{MaxConns: 1})
	for range 3 {
		must(t, rt{p: p}, "http://host.example/")
		must(t, rt{p: p}, "http://HOST.example/")
		if n := s.Open(); n > 2 { // the server may not have seen the other's end
			t.Errorf("%d connections under a limit of 1", n)
		}
	}
	if n := count(p, idle); n != 1 {
		t.Errorf("%d connections under a limit of 1", n)
	}
}

func TestGetConnIsToldTheProxyAsNetHTTPTellsIt(t *testing.T) {
	for _, via := range []string{"http://[::1]:3128", "http://[::1]", "https://Proxy.Example", "socks5://[FE80::1%25En0]", "http://bücher.example"} {
		u, err := url.Parse(via)
		if err != nil {
			t.Fatal(err)
		}
		base := &http.Transport{Proxy: http.ProxyURL(u), DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("nobody there")
		}}
		var hops [2]string
		for i, r := range []http.RoundTripper{base, rt{p: newPool(t, base, Options{})}} {
			ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GetConn: func(hop string) { hops[i] = hop }})
			openGet(ctx, r, "http://host.example/")
		}
		if hops[0] == "" || hops[0] != hops[1] {
			t.Errorf("%s: GetConn of bare %q, own %q", via, hops[0], hops[1])
		}
	}
}
