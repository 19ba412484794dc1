package stack

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// dialTimes are the clocks of an exchange that will probably dial. Other exchanges do not
// have these hooks, which cost something.
type dialTimes struct {
	ctx               context.Context // the exchange's parent, with the hooks
	mu                sync.Mutex
	dns, connect, tls stopwatch
}

// timeDial puts the clocks' hooks in front of the hooks in the context.
func (x *Exchange) timeDial() {
	d := new(dialTimes)
	t := &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { d.start(&d.dns) },
		DNSDone:  func(httptrace.DNSDoneInfo) { d.stop(&d.dns) },
		// Addresses are tried at once, and again: from the first start to the
		// last end.
		ConnectStart: func(string, string) { d.start(&d.connect) },
		ConnectDone:  func(string, string, error) { d.stop(&d.connect) },
	}
	if x.request.target.Key.Scheme == "https" {
		t.TLSHandshakeStart = func() { d.start(&d.tls) }
		t.TLSHandshakeDone = func(tls.ConnectionState, error) { d.stop(&d.tls) }
	}
	d.ctx = httptrace.WithClientTrace(x.request.ctx, t)
	x.down.dial = d
}

func (d *dialTimes) start(w *stopwatch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.began.IsZero() {
		w.began = time.Now()
	}
}

func (d *dialTimes) stop(w *stopwatch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.took = time.Since(w.began)
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
