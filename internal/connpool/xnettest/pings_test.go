package xnettest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestIdleConnectionLostToPingsIsDead, whoever was told to send them: net/http by its own
// settings, or x/net by its.
func TestIdleConnectionLostToPingsIsDead(t *testing.T) {
	const often = 20 * time.Millisecond
	for name, ask := range map[string]func(base *http.Transport){
		"net/http": func(base *http.Transport) {
			base.HTTP2 = &http.HTTP2Config{SendPingTimeout: often, PingTimeout: often}
		},
		"x/net": func(base *http.Transport) {
			h2 := configure(t, base)
			h2.ReadIdleTimeout, h2.PingTimeout = often, often
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			base := &http.Transport{TLSClientConfig: s.tls, ForceAttemptHTTP2: true}
			ask(base)
			ends := make(chan roundtripper.Exchange, 2)
			p := pool.New(pool.Options{})
			defer p.Close()
			observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends <- e }})
			rt := roundtripper.Wrap(base, observe, p.Middleware)
			s.get(t, rt)
			<-ends
			s.noAck.Store(true)
			eventually.True(t, "the connection to be closed", func() bool { return p.Stats().Open == 0 })
			s.noAck.Store(false)
			s.get(t, rt)
			if e := <-ends; e.NewReason != roundtripper.ReasonDead {
				t.Errorf("new for %q, want dead; lost %v", e.NewReason, p.Stats().Lost)
			}
		})
	}
}
