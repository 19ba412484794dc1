package roundtripper_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// play is one program that is played.
type play struct {
	t      *testing.T
	stage  *stage
	rules  rules
	pool   *pool.Pool // nil in a stack without
	limit  int
	client *http.Client
	script []string

	goroutines  int // before it began
	dialed      atomic.Int32
	open        openConns
	broken      []net.Addr // local addresses of connections that the server broke
	handshaking atomic.Int32

	calls   []*call
	hand    [4]*call // the calls that steps can mean
	wg      sync.WaitGroup
	resets  int
	sweeps  int
	collect int
}

const (
	maxCalls    = 6
	maxCollects = 2
	maxSteps    = 40
)

var callID atomic.Uint64

// newPlay builds the stack for a byte: two bits for the protocol,
// two for the drain, two for the pool, one for middleware in between, one for
// Client.Timeout.
func newPlay(t *testing.T, stages []*stage, b byte) *play {
	p := &play{t: t, stage: stages[[]int{0, 1, 2, 0}[b&3]]}
	p.rules.http2 = b&3 == 2
	observe := func(i int) roundtripper.Middleware {
		return roundtripper.Observe(roundtripper.Observer{End: func(ctx context.Context, e roundtripper.Exchange) {
			c := ctx.Value(callKey{}).(*call)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.ends[i] = append(c.ends[i], e)
		}})
	}
	mw := []roundtripper.Middleware{observe(0)}
	var o drain.Options
	switch b >> 2 & 3 {
	case 1:
		o = drain.Options{Policy: drain.Fixed, MaxBytes: 64 << 10, MaxTime: 5 * time.Millisecond}
	case 2:
		o = drain.Options{Policy: drain.Fixed, MaxBytes: 2000, MaxTime: 2 * time.Millisecond} // a body of one size is exactly as long
	}
	if b>>2&3 != 0 {
		p.rules.drains, p.rules.bytes = true, o.MaxBytes
		if p.rules.later = b>>2&3 == 1 && b>>6&1 == 1 || b>>2&3 == 3 && b>>7 == 1; p.rules.later {
			o.Background = 2
		}
		mw = append(mw, drain.New(o).Middleware)
	}
	if n := b >> 4 & 3; n > 0 {
		p.limit = []int{0, 0, 1, 2}[n]
		p.pool = pool.New(pool.Options{MaxPerHost: p.limit})
		mw = append(mw, p.pool.Middleware)
	}
	p.rules.limited = p.limit > 0
	if p.rules.outer = b>>6&1 == 1; p.rules.outer {
		mw = append([]roundtripper.Middleware{observe(1), func(next http.RoundTripper) http.RoundTripper {
			return roundtripper.Layer(next, nil)
		}}, mw...)
	}
	base := p.stage.Transport()
	base.TLSClientConfig = p.stage.tls
	base.MaxIdleConnsPerHost = 2 * maxCalls
	base.DialContext = p.dial
	p.client = roundtripper.Client(&http.Client{Transport: base}, mw...)
	if p.rules.timeout = b>>7 == 1; p.rules.timeout {
		p.client.Timeout = time.Minute
	}
	p.goroutines = runtime.NumGoroutine()
	return p
}

func (p *play) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	p.dialed.Add(1)
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return p.open.add(nc), nil
}

// watch prints the stacks of a program that hangs.
func (p *play) watch(program []byte) *time.Timer {
	return time.AfterFunc(20*time.Second, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("program %q hangs after\n%s", program, strings.Join(p.script, "\n")))
	})
}

func (p *play) note(format string, args ...any) {
	p.script = append(p.script, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
}

// run plays the steps.
func (p *play) run(steps []byte) {
	for i := 0; i < len(steps) && i < maxSteps; i++ {
		b := steps[i]
		step, slot, detail := b&15, int(b>>4&3), int(b>>6)
		switch step {
		case stepStart, stepStartToo:
			if i++; i < len(steps) {
				p.start(slot, steps[i], detail)
			}
		case stepCollect:
			p.gc()
		case stepSweep:
			p.sweep()
		default:
			if c := p.hand[slot]; c != nil {
				p.step(c, step, detail)
			}
		}
	}
}

// step does something with one exchange.
func (p *play) step(c *call, step byte, detail int) {
	switch step {
	case stepRead:
		p.read(c, 1+detail)
	case stepReadMuch:
		p.read(c, 1500<<detail)
	case stepReadAll:
		p.read(c, -1)
	case stepClose:
		p.closeBody(c)
	case stepCancel:
		p.cancel(c)
	case stepDrop:
		p.drop(c)
	case stepReset:
		p.disturb(c, true)
	case stepEnd:
		p.disturb(c, false)
	case stepGoOn:
		p.release(c)
	case stepReadAside:
		p.readAside(c, -1)
	case stepCloseAside:
		p.closeAside(c)
	case stepCancelAndClose:
		p.cancelAndClose(c)
	}
}

// start begins an exchange, and waits for its response if that must come without a step of
// the player's.
func (p *play) start(slot int, what byte, detail int) {
	if len(p.calls) == maxCalls {
		return
	}
	c := &call{id: fmt.Sprint(callID.Add(1)), kind: int(what) % kinds, done: make(chan struct{})}
	c.size = []int{2000, 3000, 300 << 10, 1}[detail]
	switch c.kind {
	case kindNone:
		c.size = 0
	case kindHang, kindCut:
		c.size = max(c.size, 2*hangs)
	}
	c.ctx = newCallCtx(c, httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		TLSHandshakeStart: func() { p.handshaking.Add(1) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { p.handshaking.Add(-1) },
	}))
	method := "GET"
	var body io.Reader
	if c.kind == kindLate || what&0x80 != 0 {
		method = "POST"
		c.gated = c.kind == kindLate
		c.upload = newUpload(strings.NewReader("upload"), c.gated)
		body = c.upload
	}
	// A request that net/http may not send again may meet a connection that is
	// broken already.
	c.disturbed = p.resets > 0 && (c.upload != nil || p.rules.http2)
	if c.kind == kindClose && p.rules.http2 {
		p.shake(nil) // GOAWAY
	}
	p.note("%s: %s %s of %d bytes", c.id, method, kindNames[c.kind], c.size)
	free := p.limit == 0 || p.inFlight() < p.limit
	c.actor = p.stage.enter(c.id)
	p.calls = append(p.calls, c)
	p.hand[slot] = c
	req, err := http.NewRequestWithContext(c.ctx, method, fmt.Sprintf("%s/%d/%d/%s", p.stage.URL, c.kind, c.size, c.id), body)
	if err != nil {
		p.t.Fatal(err)
	}
	go c.do(p.client, req)
	// On a connection that is broken already, net/http waits for the upload.
	if free && c.kind != kindMute && !(c.gated && p.resets > 0) {
		p.arrive(c)
	}
}

//go:noinline
func (c *call) do(client *http.Client, req *http.Request) {
	defer close(c.done)
	c.resp, c.err = client.Do(req)
}

// arrive waits for the response.
func (p *play) arrive(c *call) {
	<-c.done
	switch {
	case c.err != nil:
		c.over = true
	case c.kind == kindNone:
		c.end(roundtripper.OutcomeNone)
	}
}

// arrived reports whether there is a response in the player's hands.
func (p *play) arrived(c *call) bool {
	if c.dropped {
		return false
	}
	select {
	case <-c.done:
		p.arrive(c)
		return c.err == nil
	default:
		return false
	}
}

// inFlight returns how many exchanges may hold a slot.
func (p *play) inFlight() (n int) {
	for _, c := range p.calls {
		if c.running() {
			n++
		}
	}
	return n
}
