package record

import (
	"context"
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
	ctx               context.Context // the record's parent, with the hooks
	mu                sync.Mutex
	use               *ledger.Use // nil if nobody is to be told any more
	dns, connect, tls stopwatch
}

// timeDial puts the clocks' hooks in front of those that the context has.
func (r *Record) timeDial() {
	secure, watched := r.site.key.Scheme == "https", r.line.ledger.Watch() == ledger.Watched || r.line.ledger.Watch() == ledger.WatchedHTTP
	if watched && !secure {
		return
	}
	d := &dialTimes{use: &r.use}
	t := new(httptrace.ClientTrace)
	if secure {
		r.use.Shakes = true
		t.TLSHandshakeStart = func() { d.start(&d.tls) }
		t.TLSHandshakeDone = func(tls.ConnectionState, error) {
			// The connection may be for another exchange by now.
			took := d.stop(&d.tls)
			d.mu.Lock()
			use := d.use
			d.mu.Unlock()
			if use != nil {
				use.Handshaken(took)
			}
		}
	}
	if !watched {
		t.DNSStart = func(httptrace.DNSStartInfo) { d.start(&d.dns) }
		t.DNSDone = func(httptrace.DNSDoneInfo) { d.stop(&d.dns) }
		// Addresses are tried at once, and again: from the first start to the
		// last end.
		t.ConnectStart = func(string, string) { d.start(&d.connect) }
		t.ConnectDone = func(string, string, error) { d.stop(&d.connect) }
	}
	d.ctx = httptrace.WithClientTrace(r.parent, t)
	r.dial = d
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

// forget lets go of the exchange, which the hooks would keep.
func (d *dialTimes) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.use = nil
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
