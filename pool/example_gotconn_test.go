package pool_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"

	"github.com/warmconn/warmconn/pool"
)

// tagged is a connection of the program's own dialer.
type tagged struct {
	net.Conn
	tag string
}

// dialTagged is the program's dialer.
func dialTagged(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &tagged{c, "mine"}, nil
}

// taggedIn finds the program's connection in httptrace's: TLS and the Pool may wrap it, and both
// have NetConn.
func taggedIn(c net.Conn) *tagged {
	for {
		if t, ok := c.(*tagged); ok {
			return t
		}
		on, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = on.NetConn()
	}
}

// A program whose dialer marks its connections finds them in httptrace's GotConn, with or
// without TLS.
func Example_gotConn() {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	base := srv.Client().Transport.(*http.Transport)
	base.DialContext = dialTagged
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(base)}

	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		fmt.Println(taggedIn(info.Conn).tag)
	}})
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	// Output: mine
}

func TestGotConnLeadsToTheDialersConnection(t *testing.T) {
	for name, over := range map[string]func(*pool.Pool, *http.Transport) http.RoundTripper{
		"middleware":                func(p *pool.Pool, t *http.Transport) http.RoundTripper { return p.Middleware(t) },
		"Transport":                 func(p *pool.Pool, t *http.Transport) http.RoundTripper { return p.Transport(t) },
		"middleware over Transport": func(p *pool.Pool, t *http.Transport) http.RoundTripper { return p.Middleware(p.Transport(t)) },
	} {
		for _, scheme := range []string{"http", "https", "https by a TLS dialer of its own", "HTTP/2"} {
			t.Run(name+", "+scheme, func(t *testing.T) {
				srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				srv.EnableHTTP2 = scheme == "HTTP/2"
				if scheme == "http" {
					srv.Start()
				} else {
					srv.StartTLS()
				}
				defer srv.Close()
				base := srv.Client().Transport.(*http.Transport).Clone()
				base.DialContext = dialTagged
				if scheme == "https by a TLS dialer of its own" {
					cfg := base.TLSClientConfig.Clone()
					cfg.ServerName = "example.com"
					base.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
						c, err := dialTagged(ctx, network, addr)
						if err != nil {
							return nil, err
						}
						return tls.Client(c, cfg), nil
					}
				}
				p := pool.New(pool.Options{})
				defer p.Close()
				client := &http.Client{Transport: over(p, base)}
				defer client.CloseIdleConnections()
				for range 2 { // one is reused
					var got net.Conn
					ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { got = info.Conn }})
					req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
					resp, err := client.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if c := taggedIn(got); c == nil || c.tag != "mine" {
						t.Errorf("the dialer's connection is not to be found in a %T", got)
					}
				}
			})
		}
	}
}
