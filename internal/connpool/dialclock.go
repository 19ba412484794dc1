package connpool

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// dialClock is what a dial took, by net/http's and the dialer's own words.
type dialClock struct {
	mu          sync.Mutex
	dns, shakes time.Time
	setup       ledger.Setup
}

// dialHooks follow the dial of c.
func (c *Conn) dialHooks(tlsTimeout time.Duration) *httptrace.ClientTrace {
	d := &c.dial.clock
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.dns = time.Now()
		},
		DNSDone: func(httptrace.DNSDoneInfo) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.setup.DNS += time.Since(d.dns)
		},
		TLSHandshakeStart: func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.shakes = time.Now()
			c.tls.arm(c.raw, tlsTimeout)
		},
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.setup.TLS += time.Since(d.shakes)
			c.tls.done(s, err)
			if c.raw != nil && s.NegotiatedProtocol == "h2" {
				c.raw.speaksHTTP2(s.Version) // net/http reads no frame before
			}
		},
	}
}

// took is what the dial took, which has ended: all that is not the lookup is the
// connect, tries of several addresses included.
func (d *dialClock) took() ledger.Setup {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setup
}

// dialed notes how long the dialer took for the socket.
func (d *dialClock) dialed(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setup.DNS = min(d.setup.DNS, took)
	d.setup.Connect = took - d.setup.DNS
}
