package record

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// dialTimes are the clocks of an exchange that will probably dial: no other one
// pays for these hooks. Where the dialer is watched it measures DNS and the
// connect itself, whoever the dial is for; TLS is net/http's own.
type dialTimes struct {
	mu                sync.Mutex
	dns, connect, tls stopwatch
}

// timeDial installs the hooks, before the ClientTrace is in use.
func (r *Record) timeDial() {
	d := new(dialTimes)
	r.dial = d
	if r.key.Scheme == "https" {
		r.trace.TLSHandshakeStart = func() { d.start(&d.tls) }
		r.trace.TLSHandshakeDone = func(tls.ConnectionState, error) {
			// The connection may be for another exchange by now.
			r.use.Handshaken(d.stop(&d.tls))
		}
	}
	if r.line.ledger.Watch() == ledger.Unwatched {
		r.trace.DNSStart = func(httptrace.DNSStartInfo) { d.start(&d.dns) }
		r.trace.DNSDone = func(httptrace.DNSDoneInfo) { d.stop(&d.dns) }
		// Addresses are tried at once, and again: from the first start to the
		// last end.
		r.trace.ConnectStart = func(string, string) { d.start(&d.connect) }
		r.trace.ConnectDone = func(string, string, error) { d.stop(&d.connect) }
	}
}

func (d *dialTimes) start(w *stopwatch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.began.IsZero() {
		w.began = time.Now()
	}
}

func (d *dialTimes) stop(w *stopwatch) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.took = time.Since(w.began)
	return w.took
}

func (d *dialTimes) setup() ledger.Setup {
	d.mu.Lock()
	defer d.mu.Unlock()
	return ledger.Setup{DNS: d.dns.took, Connect: d.connect.took, TLS: d.tls.took}
}

type stopwatch struct {
	began time.Time
	took  time.Duration
}
