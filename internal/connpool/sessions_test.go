package connpool

import (
	"crypto/tls"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// resumes is a handler whose response says whether the server has resumed a session, and the
// protocol.
func resumes(w http.ResponseWriter, r *http.Request) {
	if r.TLS.DidResume {
		io.WriteString(w, "resumed ")
	}
	io.WriteString(w, r.Proto)
}

// anew has r ask over a new connection, for HTTP/1 if that is wanted.
func anew(t *testing.T, p *Pool, url string, http1 bool) string {
	t.Helper()
	p.hosts.each(func(h *Host) { h.closeIdle(loss.ClosedIdle) })
	req, _ := http.NewRequest("GET", url, nil)
	if http1 {
		req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	}
	resp, err := rt{p: p}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	waitCount(t, p, active, 0)
	return string(b)
}

// TestSessionsAreOfOneConfigurationAndAddress: the clone for requests that need HTTP/1 has
// sessions of its own, and so have a replaced configuration, and another port of the name.
func TestSessionsAreOfOneConfigurationAndAddress(t *testing.T) {
	s, base := serve(t, "h2", resumes)
	other, _ := serve(t, "h2", resumes)
	before := base.TLSClientConfig
	p := newPool(t, base, Options{TLSSessions: 8})
	ask := func(step, url string, http1 bool, want string) {
		t.Helper()
		if got := anew(t, p, url, http1); got != want {
			t.Errorf("%s: got %q, want %q", step, got, want)
		}
	}
	ask("the first", s.URL, false, "HTTP/2.0")
	ask("another port", other.URL, false, "HTTP/2.0")
	ask("the second", s.URL, false, "resumed HTTP/2.0")
	ask("the second of the other port", other.URL, false, "resumed HTTP/2.0")
	ask("the first over HTTP/1", s.URL, true, "HTTP/1.1")
	ask("the second over HTTP/1", s.URL, true, "resumed HTTP/1.1")
	if base.TLSClientConfig != before || before.ClientSessionCache != nil {
		t.Error("the base's configuration was changed")
	}

	base.TLSClientConfig = before.Clone()
	p.Renew(base)
	ask("the first by a new configuration", s.URL, false, "HTTP/2.0")
	ask("the first over HTTP/1 by it", s.URL, true, "HTTP/1.1")
	ask("the second by it", s.URL, false, "resumed HTTP/2.0")
	base.TLSClientConfig = before.Clone()
	base.TLSClientConfig.SessionTicketsDisabled = true
	p.Renew(base)
	ask("by one that forbids it", s.URL, false, "HTTP/2.0")
	ask("by one that forbids it, again", s.URL, false, "HTTP/2.0")
	if got, want := p.Sessions(), "resumes no TLS sessions: the transport has SessionTicketsDisabled"; got != want {
		t.Errorf("described as %q, want %q", got, want)
	}
}

func TestSessionsAreResumedThroughATunnel(t *testing.T) {
	var accepted atomic.Int64
	via := proxy(t, &accepted)
	s, base := serve(t, "h2", resumes)
	base.Proxy = http.ProxyURL(via)
	p := newPool(t, base, Options{TLSSessions: 8})
	for _, want := range []string{"HTTP/2.0", "resumed HTTP/2.0"} {
		if got := anew(t, p, s.URL, false); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		// The exchange sees the connection to the proxy. The one before may not be closed yet.
		all := p.Conns()
		f := all[len(all)-1]
		if is, wants := f.Held.TLS(), (ledger.TLS{Version: tls.VersionTLS13, Resumed: want != "HTTP/2.0"}); is != wants {
			t.Errorf("the exchange is told %+v, want %+v", is, wants)
		}
	}
	if accepted.Load() != 2 {
		t.Errorf("%d connections to the proxy", accepted.Load())
	}
}

// TestFewSessionsAreKept: the least recently used goes first.
func TestFewSessionsAreKept(t *testing.T) {
	a, base := serve(t, "tls", resumes)
	b, _ := serve(t, "tls", resumes)
	p := newPool(t, base, Options{TLSSessions: 1})
	for _, tt := range []struct{ url, want string }{
		{a.URL, "HTTP/1.1"}, {a.URL, "resumed HTTP/1.1"}, {b.URL, "HTTP/1.1"}, {a.URL, "HTTP/1.1"},
	} {
		if got := anew(t, p, tt.url, false); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestNoSessionsAreKeptUnlessAskedFor(t *testing.T) {
	s, base := serve(t, "tls", resumes)
	for _, n := range []int{0, -1} {
		p := newPool(t, base, Options{TLSSessions: n})
		for range 2 {
			if got := anew(t, p, s.URL, false); got != "HTTP/1.1" {
				t.Errorf("got %q", got)
			}
		}
		if p.Sessions() != "" || p.transport.TLSClientConfig.ClientSessionCache != tls.ClientSessionCache(nil) {
			t.Errorf("%d: described as %q", n, p.Sessions())
		}
	}
}

func TestATransportWithoutAConfigurationGetsSessionsAndKeepsHTTP2(t *testing.T) {
	base := new(http.Transport)
	clone, why := Clone(base)
	if why != "" {
		t.Fatal(why)
	}
	p := New(base, clone, ledger.New(base), Options{TLSSessions: 8})
	if c := p.clones.Load().all.TLSClientConfig; c == nil || c.ClientSessionCache == nil || !p.mayHTTP2 {
		t.Errorf("its clone has %+v, HTTP/2 %v", c, p.mayHTTP2)
	}
	if c := base.TLSClientConfig; c != nil && c.ClientSessionCache != nil {
		t.Error("the base's configuration was changed")
	}
}
