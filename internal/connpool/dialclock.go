package connpool

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// dialClock is how long the parts of a dial took, as net/http's hooks and the dialer tell.
type dialClock struct {
	mu          sync.Mutex
	dns, shakes time.Time
	setup       ledger.Setup
}

// dialHooks follow the dial of c. Each calls the caller's own hook, from above, after it,
// with the same error that net/http itself would have passed for TLS.
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
			c.raw.speaksHTTP2(s.Version) // net/http reads frames only after this hook
		}
		err = c.tls.timedOut(err)
		d.mu.Unlock()
		if shaken != nil {
			shaken(s, err)
		}
	}
	return t
}

// took is how long the parts took, of a dial that has ended. All of the dialer's time but
// for the lookup is the connect, and so are tries of several addresses.
func (d *dialClock) took() ledger.Setup {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setup
}

// roundTrip is the time of a round trip, as the connect has shown it. Through a proxy only
// the handshake with the target goes all the way: it takes one round trip, and some work.
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
