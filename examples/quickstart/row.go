package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"
)

const (
	before = "before" // plain net/http
	after  = "after"  // the same client with the kit's layers
)

// row is one line of the table and one object of -json.
type row struct {
	Incident    string   `json:"incident"`
	Variant     string   `json:"variant"`
	TLS         bool     `json:"tls"`
	Requests    int      `json:"requests"`
	Connections int      `json:"connections"`
	ReusedPct   float64  `json:"reused_pct"`
	Sockets     *sockets `json:"sockets"`     // null where the kernel does not say
	RSTs        *int64   `json:"rsts"`        // likewise; the whole network namespace's
	Goroutines  int      `json:"goroutines"`  // the server's and the client's, before any clean-up
	Descriptors *int     `json:"descriptors"` // likewise
	P50         float64  `json:"p50_us"`
	P99         float64  `json:"p99_us"`
	RPS         float64  `json:"rps"`
	OK          bool     `json:"ok"`
	Fail        string   `json:"fail,omitempty"` // what the row should have shown
	Note        string   `json:"note"`
	Go          string   `json:"go"`

	// For the checks.
	workers int
	open    int // connections open at the end
	facts   facts
}

// bench runs one row: a fresh target, one load, one snapshot, and everything
// closed again.
func bench(ctx context.Context, inc *incident, variant string, t *target, n, c int) *row {
	defer t.close()
	r := &row{
		Incident: inc.id, Variant: variant, TLS: t.tls, Requests: n, Go: runtime.Version(),
		workers: c,
	}
	if inc.keepsOpen {
		r.fitDescriptors()
	}
	// The end of this context frees what the incident left behind.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	var k *kit
	client := func() *http.Client { return inc.client(t, c) }
	if variant == after {
		k = newKit(inc.options, 0)
		defer k.close()
		client = func() *http.Client { return k.wrap(inc.client(t, c)) }
	}
	if !inc.perRequest {
		shared := client()
		defer shared.CloseIdleConnections()
		client = func() *http.Client { return shared }
	}

	rsts := outRsts()
	res := load(ctx, r.Requests, c, func(i int) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url+inc.pathOf(t, i), nil)
		if err != nil {
			return err
		}
		return inc.do(client(), req)
	}, inc.between)
	r.settle(ctx, inc, k, t)
	r.measure(res, k, t, rsts)
	if res.err != nil {
		r.Fail = fmt.Sprintf("after %d requests: %v", len(res.latencies), res.err)
	} else if t.check != nil {
		r.Fail = t.check(r)
	} else {
		r.Fail = inc.check(r)
	}
	r.OK = r.Fail == ""
	return r
}

// pathOf is "" for a user's own server: its URL is complete.
func (inc *incident) pathOf(t *target, i int) string {
	switch {
	case t.complete:
		return ""
	case inc.path == nil:
		return "/"
	}
	return inc.path(i)
}

// fitDescriptors makes a row shorter that would run out of descriptors: both
// ends of every connection that the fault keeps open are in this process.
func (r *row) fitDescriptors() {
	const others = 100
	if limit, ok := descriptorLimit(); ok && 2*r.Requests+others > limit {
		r.Requests = max(1, (limit-others)/2)
		r.note("shortened to %d requests: this process may open %d descriptors", r.Requests, limit)
	}
}

// settle waits, within limits, for what is on its way when the load ends: the
// collector's work, dials, and sockets between two states. It counts them, too: with
// thousands in TIME_WAIT the kernel takes some time for that.
func (r *row) settle(ctx context.Context, inc *incident, k *kit, t *target) {
	// Twice, for both variants: a clean-up may drop what the next run collects.
	runtime.GC()
	runtime.GC()
	if k != nil && inc.settled != nil {
		until(ctx, patience, func() bool {
			if inc.settled(r, k.facts(), t) {
				return true
			}
			runtime.GC()
			return false
		})
	}
	const moving = 250 * time.Millisecond // for the table; no check needs it
	if t.dialing != nil {
		until(ctx, patience, func() bool { return t.dialing() == 0 })
	}
	until(ctx, moving, func() bool {
		r.Sockets = countSockets(t.whose)
		return r.Sockets == nil || !r.Sockets.moving()
	})
}

func (r *row) measure(res result, k *kit, t *target, rsts *int64) {
	r.Connections, r.open = t.opened(), t.open()
	if now := outRsts(); now != nil && rsts != nil {
		sent := *now - *rsts
		r.RSTs = &sent
	}
	r.Goroutines = runtime.NumGoroutine()
	r.Descriptors = descriptors()
	if k != nil {
		r.facts = k.facts()
	}
	if done := len(res.latencies); done > 0 {
		r.ReusedPct = max(0, 100*float64(done-r.Connections)/float64(done))
		r.RPS = float64(done) / res.elapsed.Seconds()
	}
	r.P50 = micros(percentile(res.latencies, 50))
	r.P99 = micros(percentile(res.latencies, 99))
}

func (r *row) note(format string, args ...any) {
	if r.Note != "" {
		r.Note += "; "
	}
	r.Note += fmt.Sprintf(format, args...)
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func (r *row) fail(why string) {
	r.OK = false
	if r.Fail == "" {
		r.Fail = why
	}
}
