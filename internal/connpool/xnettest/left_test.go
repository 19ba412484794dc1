package xnettest

//lint:file-ignore SA1019 what SDKs call, deprecated or not, is what is tested

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"github.com/warmconn/warmconn/roundtripper"
)

// ownPool is a program's own connection pool: one connection for all.
type ownPool struct {
	h2  *http2.Transport
	cfg *tls.Config

	mu    sync.Mutex
	conn  *http2.ClientConn
	asked int
}

func (p *ownPool) GetClientConn(_ *http.Request, addr string) (*http2.ClientConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.conn != nil && p.conn.ReserveNewRequest() {
		return p.conn, nil
	}
	c, err := tls.Dial("tcp", addr, p.cfg)
	if err != nil {
		return nil, err
	}
	if p.conn, err = p.h2.NewClientConn(c); err == nil {
		p.conn.ReserveNewRequest()
	}
	return p.conn, err
}

func (p *ownPool) MarkDead(c *http2.ClientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == c {
		p.conn = nil
	}
}

func (p *ownPool) close() {
	p.mu.Lock()
	c := p.conn
	p.mu.Unlock()
	if c != nil {
		c.Close()
	}
}

func TestConnectionPoolOfItsOwnIsLeftAlone(t *testing.T) {
	s := serve(t)
	base := &http.Transport{TLSClientConfig: s.tls}
	h2 := configure(t, base)
	cfg := s.tls.Clone()
	cfg.NextProtos = []string{"h2"}
	own := &ownPool{h2: h2, cfg: cfg}
	h2.ConnPool = own
	t.Cleanup(own.close)
	rt := wrap(t, base)
	if got := roundtripper.Unwrap(roundtripper.Unwrap(rt)); got != http.RoundTripper(base) {
		t.Errorf("the pool stands on %p, want the transport itself", got)
	}
	const why = "only counts requests: its HTTP/2 is golang.org/x/net's with a connection pool of its own\n"
	if d := roundtripper.Describe(rt); !strings.Contains(d, why) {
		t.Errorf("Describe says\n%s", d)
	}
	for range 10 {
		s.get(t, rt)
	}
	if n := s.connections(); n != 1 || own.asked < 10 {
		t.Errorf("%d connections, and the program's pool was asked %d times, want 1 and 10", n, own.asked)
	}
}

// TestWhatCannotBeCarriedIsLeftAlone: on Go 1.26 net/http's HTTP/2 does not heed
// CountError, and on Go 1.27 it does.
func TestWhatCannotBeCarriedIsLeftAlone(t *testing.T) {
	for name, set := range map[string]func(h2 *http2.Transport){
		"AllowHTTP": func(h2 *http2.Transport) { h2.AllowHTTP = true },
		"DialTLS": func(h2 *http2.Transport) {
			h2.DialTLS = func(network, addr string, cfg *tls.Config) (net.Conn, error) { return tls.Dial(network, addr, cfg) }
		},
		"TLSClientConfig":   func(h2 *http2.Transport) { h2.TLSClientConfig = &tls.Config{} },
		"MaxHeaderListSize": func(h2 *http2.Transport) { h2.MaxHeaderListSize = 1 << 16 },
		"compression":       func(h2 *http2.Transport) { h2.DisableCompression = true },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			base := &http.Transport{TLSClientConfig: s.tls}
			t.Cleanup(base.CloseIdleConnections)
			set(configure(t, base))
			rt := wrap(t, base)
			if d := roundtripper.Describe(rt); !strings.Contains(d, "only counts requests: its HTTP/2 is golang.org/x/net's with ") || !strings.Contains(d, name) {
				t.Errorf("Describe says\n%s", d)
			}
			s.get(t, rt)
		})
	}
}
