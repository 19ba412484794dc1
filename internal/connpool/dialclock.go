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

// dialHooks follow the dial of c. They call the caller's own, those above, after them,
// so that it is told of TLS what net/http itself would have told.
func (c *Conn) dialHooks(tlsTimeout time.Duration, above *httptrace.ClientTrace) *httptrace.ClientTrace {
	d := &c.dial.clock
	t := new(httptrace.ClientTrace)
	if above != nil {
		*t = *above
	}
	looking, looked, shaking, shaken := t.DNSStart, t.DNSDone, t.TLSHandshakeStart, t.TLSHandshakeDone
	t.DNSStart = func(info httptrace.DNSStartInfo) {
		d.mu.Lock()
		d.dns = time.Now()
		d.mu.Unlock()
		if looking != nil {
			looking(info)
		}
	}
	t.DNSDone = func(info httptrace.DNSDoneInfo) {
		d.mu.Lock()
		d.setup.DNS += time.Since(d.dns)
		d.mu.Unlock()
		if looked != nil {
			looked(info)
		}
	}
	t.TLSHandshakeStart = func() {
		d.mu.Lock()
		d.shakes = time.Now()
		c.tls.armLocked(c.raw, tlsTimeout)
		d.mu.Unlock()
		if shaking != nil {
			shaking()
		}
	}
	t.TLSHandshakeDone = func(s tls.ConnectionState, err error) {
		d.mu.Lock()
		d.setup.TLS += time.Since(d.shakes)
		c.tls.doneLocked(s, err)
		if c.raw != nil && s.NegotiatedProtocol == "h2" {
			c.raw.speaksHTTP2(s.Version) // net/http reads no frame before
		}
		err = c.tls.timedOut(err)
		d.mu.Unlock()
		if shaken != nil {
			shaken(s, err)
		}
	}
	return t
}

// took is what the dial took, which has ended: all that is not the lookup is the
// connect, tries of several addresses included.
func (d *dialClock) took() ledger.Setup {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setup
}

// roundTrip is a way there and back, as the dial has shown: the connect's. By a proxy
// only the handshake with the target goes all the way; it takes one, and some work.
func (d *dialFacts) roundTrip(proxied bool) time.Duration {
	took := d.clock.took()
	if proxied {
		return max(took.Connect, took.TLS)
	}
	return took.Connect
}

// dialed notes how long the dialer took for the socket.
func (d *dialClock) dialed(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setup.DNS = min(d.setup.DNS, took)
	d.setup.Connect = took - d.setup.DNS
}
