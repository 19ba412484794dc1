package connpool

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"testing"
	"weak"

	"github.com/warmconn/warmconn/internal/eventually"
)

// A connection may live as long as the context that it was dialed with: a command's
// pipes (exec.CommandContext), a tunnel, a WebSocket made a net.Conn.
func TestTheDialsContextLivesOnWithTheConnection(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s, base := serve(t, protocol, hello)
			ctxs := make(chan context.Context, 10)
			base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				ctxs <- ctx
				return new(net.Dialer).DialContext(context.Background(), network, addr)
			}
			for name, r := range map[string]http.RoundTripper{"bare": base, "own": rt{p: newPool(t, base, Options{})}} {
				ctx, cancel := context.WithCancel(context.Background())
				resp, err := openGet(ctx, r, s.URL)
				if err != nil {
					t.Fatal(name, err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				cancel() // the request's own end is not the connection's
				must(t, r, s.URL)
				if dial := <-ctxs; dial.Err() != nil {
					t.Errorf("%s: the context of a dial that succeeded: %v", name, dial.Err())
				}
				if len(ctxs) > 0 {
					t.Errorf("%s: %d dials more than one", name, len(ctxs))
				}
			}
		})
	}
}

// TestAFailedDialsContextEnds, so that code that waits for its end does not wait for good.
// Bare net/http never ends it.
func TestAFailedDialsContextEnds(t *testing.T) {
	ctxs := make(chan context.Context, 1)
	p := newPool(t, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		ctxs <- ctx
		return nil, io.ErrClosedPipe
	}}, Options{})
	if _, err := fetch(rt{p: p}, "http://host.example/"); err == nil {
		t.Fatal("no error")
	}
	<-(<-ctxs).Done()
}

// TestAConnectionKeepsNoValueOfTheRequestItWasDialedFor.
func TestAConnectionKeepsNoValueOfTheRequestItWasDialedFor(t *testing.T) {
	type key struct{}
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s, base := serve(t, protocol, hello)
			for name, r := range map[string]http.RoundTripper{"bare": base, "own": rt{p: newPool(t, base, Options{})}} {
				value := new([1 << 10]byte)
				gone := weak.Make(value)
				resp, err := openGet(context.WithValue(context.Background(), key{}, value), r, s.URL)
				if err != nil {
					t.Fatal(name, err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				resp, value = nil, nil
				eventually.Collected(t, name+": the collector to find the value", func() bool {
					return gone.Value() == nil
				})
				must(t, r, s.URL)
				if n := s.Opened(); n > 2 {
					t.Errorf("%s: %d connections", name, n)
				}
			}
		})
	}
}

// TestTheDialerFindsTheCallersHooks, and no others, as with bare net/http: a request that the
// dialer makes itself calls them, and is not taken for a part of the dial.
func TestTheDialerFindsTheCallersHooks(t *testing.T) {
	s, base := serve(t, "http", hello)
	names, resolver := serve(t, "h2", hello)
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if h := httptrace.ContextClientTrace(ctx); h != nil {
			h.DNSStart(httptrace.DNSStartInfo{Host: addr}) // as a resolver of one's own does
			h.DNSDone(httptrace.DNSDoneInfo{})
		}
		resp, err := openGet(ctx, resolver, names.URL) // names over HTTPS
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		resolver.CloseIdleConnections()
		return new(net.Dialer).DialContext(context.WithoutCancel(ctx), network, addr)
	}
	var hooks [2][]string
	for i, r := range []http.RoundTripper{base, rt{p: newPool(t, base, Options{})}} {
		var l told
		resp, err := openGet(httptrace.WithClientTrace(context.Background(), l.hooks()), r, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		if i == 1 {
			if g := got(resp); g.HTTP2 || g.Setup.TLS > 0 || g.TLSVersion != 0 {
				t.Errorf("a plain connection: HTTP/2 %v, handshake %v, version %x", g.HTTP2, g.Setup.TLS, g.TLSVersion)
			}
		}
		resp.Body.Close()
		hooks[i] = l.all
	}
	if len(hooks[0]) != 4 || !slices.Equal(hooks[0], hooks[1]) {
		t.Errorf("bare %q, own %q, want 4 alike", hooks[0], hooks[1])
	}
}
