package connpool

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// told notes the calls of a dial's hooks.
type told struct {
	mu  sync.Mutex
	all []string
}

func (l *told) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, args...))
}

func (l *told) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { l.add("DNSStart") },
		DNSDone:           func(httptrace.DNSDoneInfo) { l.add("DNSDone") },
		TLSHandshakeStart: func() { l.add("TLSHandshakeStart") },
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			var timeout net.Error
			l.add("TLSHandshakeDone %q, timeout %v, error %v", s.NegotiatedProtocol, errors.As(err, &timeout) && timeout.Timeout(), err)
		},
	}
}

// failsAlike compares bare net/http and a Pool: the error of a request, and the calls of its
// hooks.
func failsAlike(t *testing.T, base *http.Transport, target string) {
	t.Helper()
	var texts [2]string
	var hooks [2][]string
	for i, r := range []http.RoundTripper{base, rt{p: newPool(t, base, Options{})}} {
		var l told
		_, err := openGet(httptrace.WithClientTrace(context.Background(), l.hooks()), r, target)
		var op *net.OpError
		texts[i] = fmt.Sprintf("%v, proxyconnect %v", err, errors.As(err, &op) && op.Op == "proxyconnect")
		l.mu.Lock()
		hooks[i] = slices.Clone(l.all)
		l.mu.Unlock()
	}
	if texts[0] != texts[1] {
		t.Errorf("%s: bare %q, own %q", target, texts[0], texts[1])
	}
	if !slices.Equal(hooks[0], hooks[1]) {
		t.Errorf("%s: hooks of bare %q, own %q", target, hooks[0], hooks[1])
	}
}

// silent is a peer that accepts and never says anything.
func silent(t *testing.T) string {
	return script(t, func(_ int, _ net.Conn, r *bufio.Reader) { r.WriteTo(io.Discard) })
}

func TestAHandshakeThatTakesTooLongIsToldAsNetHTTPTellsIt(t *testing.T) {
	addr := silent(t)
	connects := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		read(r)
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		r.WriteTo(io.Discard)
	})
	for via, target := range map[string]string{"": "https://" + addr, "https://" + addr: "http://host.example/", "http://" + connects: "https://host.example/"} {
		base := &http.Transport{TLSHandshakeTimeout: 20 * time.Millisecond}
		if via != "" {
			u, _ := url.Parse(via)
			base.Proxy = http.ProxyURL(u)
		}
		failsAlike(t, base, target)
	}
}

func TestAProxysFailedHandshakeIsAnErrorOfConnectingToIt(t *testing.T) {
	nonsense := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "nonsense nonsense")
		r.WriteTo(io.Discard)
	})
	u, _ := url.Parse("https://" + nonsense)
	own := func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return tls.Client(nc, &tls.Config{ServerName: "proxy.example"}), nil
	}
	for _, dial := range []dialFunc{nil, own} {
		for _, target := range []string{"http://host.example/", "https://host.example/"} {
			failsAlike(t, &http.Transport{Proxy: http.ProxyURL(u), DialTLSContext: dial}, target)
		}
	}
}

// TestATunnelsFailedHandshakeIsNone: behind an https proxy it is the server's.
func TestATunnelsFailedHandshakeIsNone(t *testing.T) {
	tunnels, base := serve(t, "tls", func(w http.ResponseWriter, _ *http.Request) {
		c, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		buffered.ReadByte() // a hello: what came before that, net/http would drop
		io.WriteString(c, "nonsense nonsense")
		io.Copy(io.Discard, c)
	})
	u, _ := url.Parse(tunnels.URL)
	base.Proxy, base.ForceAttemptHTTP2 = http.ProxyURL(u), false
	failsAlike(t, base, "https://host.example/")
}
