package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/warmconn/warmconn/roundtripper"
)

// curtain ends all exchanges that still go on: the player's responses are closed, and the
// dropped ones are collected.
func (p *play) curtain() {
	p.note("curtain")
	p.hand = [4]*call{}
	for _, c := range p.calls {
		select {
		case <-c.done:
		default:
			p.cancel(c)
			if c.gated {
				p.release(c) // net/http waits for a Read of the upload
			}
			<-c.done
		}
		p.closeBody(c)
		if c.dropped && c.loose {
			p.cancel(c) // a Read may have it still
		}
	}
	p.wg.Wait()
	for _, c := range p.calls {
		p.release(c) // what still waits for an upload
	}
	n := 0
	p.until("every exchange to end", func() bool {
		for _, c := range p.calls {
			c.mu.Lock()
			ended := len(c.ends[0]) > 0 && (!p.rules.outer || len(c.ends[1]) > 0)
			c.mu.Unlock()
			if !ended {
				if n++; c.dropped && n%10 == 1 {
					runtime.GC()
				}
				return false
			}
		}
		return true
	})
}

// until waits until cond is true.
func (p *play) until(what string, cond func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			p.fatal("waited in vain for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func (p *play) fail(format string, args ...any) {
	p.t.Helper()
	p.t.Errorf("%s\nafter\n%s\nin\n%s", fmt.Sprintf(format, args...), strings.Join(p.script, "\n"), p)
}

func (p *play) fatal(format string, args ...any) {
	p.t.Helper()
	p.fail(format, args...)
	p.t.FailNow()
}

// check looks at the leftovers when all exchanges have ended.
func (p *play) check() {
	for _, c := range p.calls {
		c.check(p.rules, func(format string, args ...any) {
			p.t.Helper()
			p.fail("%s: %s", c.id, fmt.Sprintf(format, args...))
		})
		p.stage.leave(c.id)
		if c.upload != nil {
			// Net/http may close it more than once, the kit does not.
			p.until("the request's body to be closed", func() bool { return c.upload.closes.Load() > 0 })
			if n := c.upload.closes.Load(); n > 1 && c.ends[0][0].Outcome == roundtripper.OutcomeRefused {
				p.fail("%s: refused, and its request's body closed %d times", c.id, n)
			}
		}
		if !c.dropped || p.client.Timeout == 0 {
			p.until("the contexts of exchange "+c.id, func() bool { return c.ctx.derived() == 0 })
		} else {
			p.goroutines++ // http.Client's own, which lasts as long as its timeout
		}
		c.ctx.cancel()
	}
	p.settle()
	p.probe()
	p.until("all connections to close", func() bool {
		p.client.CloseIdleConnections()
		return p.open.len() == 0 && p.stage.Open() == 0
	})
	if p.pool != nil {
		p.until("the pool to see that", func() bool { s := p.pool.Stats(); return s.Open == 0 && s.Idle == 0 })
	}
	p.until(fmt.Sprintf("%d goroutines", p.goroutines), func() bool { return runtime.NumGoroutine() <= p.goroutines })
}

// settle waits until each connection is either closed or idle.
func (p *play) settle() {
	p.until("both ends to agree", func() bool {
		return p.handshaking.Load() == 0 && p.stage.Open() == p.open.len() && !p.open.any(p.broken)
	})
	if p.pool == nil {
		return
	}
	if s := p.pool.Stats(); s.InUse != 0 || s.Waiting != 0 {
		p.fail("%d slots in use and %d waiters at the end", s.InUse, s.Waiting)
	}
	p.until("the pool to agree with the dialer", func() bool {
		s := p.pool.Stats()
		return s.Open == p.open.len() && s.Idle == s.Open
	})
}

// probe checks that the connections which count as idle can be used.
func (p *play) probe() {
	p.note("probe")
	for try := 0; ; try++ {
		n := p.idle()
		before := p.dialed.Load()
		p.requests(n)
		dials := int(p.dialed.Load() - before)
		switch {
		case dials == 0:
			return
		case try == 3:
			p.fatal("%d of %d requests dial, with as many idle connections", dials, n)
		}
		// One was on its way, unused; or the server's end of one is on its
		// way. The next round finds them settled.
		p.settle()
	}
}

// idle returns how many connections can certainly be used.
func (p *play) idle() int {
	if p.pool != nil {
		n := p.pool.Stats().Idle
		if p.limit > 0 {
			n = min(n, p.limit)
		}
		if p.rules.http2 {
			n = min(n, 1)
		}
		return n
	}
	if p.resets > 0 || p.sweeps > 0 {
		return 0
	}
	for _, c := range p.calls {
		if c.ends[0][0].Returned {
			return 1
		}
	}
	return 0
}

// requests makes n requests that need a connection each.
func (p *play) requests(n int) {
	var held []*http.Response
	for range n {
		c := &call{id: fmt.Sprint(callID.Add(1))}
		p.stage.enter(c.id)
		defer p.stage.leave(c.id)
		req, _ := http.NewRequestWithContext(newCallCtx(c, context.Background()), "GET", fmt.Sprintf("%s/%d/%d/%s", p.stage.URL, kindLength, 300<<10, c.id), nil)
		resp, err := p.client.Do(req)
		if err != nil {
			p.fatal("a request after all that: %v", err)
		}
		held = append(held, resp)
	}
	for _, resp := range held {
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			p.fatal("a body after all that: %v", err)
		}
		resp.Body.Close()
	}
}

// String describes the stack.
func (p *play) String() string {
	return fmt.Sprintf("HTTP/2 %v, TLS %v, timeout %v\n%s", p.rules.http2, p.stage.tls != nil, p.client.Timeout,
		strings.TrimSpace(roundtripper.Describe(p.client.Transport)))
}
