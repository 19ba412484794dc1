package main

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// policy decides about the rest of a body that is closed.
type policy struct {
	name  string
	drain drain.Options
	bare  bool // plain net/http, without the kit
	// unbounded says that it never ends an endless body: its cost there is
	// infinite, and nothing is run.
	unbounded bool
}

const (
	alwaysClose = "always close"
	alwaysDrain = "always drain"
	theKit      = "kit"
)

// policies are those that are compared. All but plain net/http run through the
// same layers, so that they differ in their decisions and in nothing else.
func policies() []policy {
	all := []policy{
		{name: alwaysClose, drain: drain.Options{Policy: drain.Never}},
		{name: alwaysDrain, drain: fixed(1<<50, 24*time.Hour), unbounded: true},
		{name: "64 KiB, 50 ms", drain: fixed(64<<10, 50*time.Millisecond)},
		{name: "256 KiB, 50 ms", drain: fixed(256<<10, 50*time.Millisecond)}, // Go 1.27's
		{name: "1 MiB, 2 s", drain: fixed(1<<20, 2*time.Second)},             // .NET's
	}
	if netHTTPDrains {
		all = append(all, policy{name: "net/http, " + runtime.Version(), bare: true})
	}
	return append(all, policy{name: theKit})
}

func fixed(bytes int64, d time.Duration) drain.Options {
	return drain.Options{Policy: drain.Fixed, MaxBytes: bytes, MaxTime: d}
}

// client is a new client under the policy, one that knows nothing yet.
type client struct {
	*http.Client
	drained atomic.Int64 // bytes
	close   func()
}

// over puts the policy's layers over a transport that nobody else uses.
func (p policy) over(base *http.Transport) *client {
	c := &client{Client: &http.Client{Transport: base}, close: base.CloseIdleConnections}
	if p.bare {
		return c
	}
	d, pl := drain.New(p.drain), pool.New(pool.Options{})
	c.Client = roundtripper.Client(c.Client,
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			c.drained.Add(e.BytesDrained)
		}}),
		d.Middleware, pl.Middleware)
	c.close = func() {
		c.CloseIdleConnections()
		d.Close()
		pl.Close()
	}
	return c
}
