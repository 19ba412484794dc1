package roundtripper_test

import (
	"io"
	"net"
	"runtime"

	"github.com/warmconn/warmconn/roundtripper"
)

// blocks reports whether a Read of all, or of some bytes, can wait for the
// player.
func (p *play) blocks(c *call, all bool) bool {
	switch {
	case c.released:
		return false
	case c.kind == kindHang:
		return all || c.loose || c.sum() >= hangs
	case c.kind == kindLate && p.rules.http2:
		return all || c.loose || c.sum() >= int64(c.size) // the stream ends with the upload
	}
	return false
}

// read reads up to n bytes once, or all if n is negative.
func (p *play) read(c *call, n int) {
	if !p.arrived(c) {
		return
	}
	if p.blocks(c, n < 0) {
		p.readAside(c, n)
		return
	}
	p.note("%s: read %d", c.id, n)
	c.afterRead(c.readNow(c.resp.Body, n))
}

//go:noinline
func (c *call) readNow(body io.Reader, n int) error {
	once := n >= 0
	if !once {
		n = 16 << 10
	}
	buf := make([]byte, n)
	// An endless body is read for a while.
	for left := 1 << 20; left > 0; left -= n {
		n, err := body.Read(buf)
		c.got(n, err)
		if err != nil || once {
			return err
		}
	}
	return nil
}

// readAside reads in another goroutine.
func (p *play) readAside(c *call, n int) {
	if !p.arrived(c) {
		return
	}
	p.note("%s: read %d aside", c.id, n)
	if !c.over {
		c.loose = true
	}
	body := c.resp.Body
	p.wg.Go(func() { c.readNow(body, n) })
	runtime.Gosched()
}

func (p *play) closeBody(c *call) {
	if !p.arrived(c) {
		return
	}
	p.note("%s: close", c.id)
	p.toClose(c)
	p.closeNow(c, c.resp.Body)
}

func (p *play) closeNow(c *call, body io.Closer) {
	if err := body.Close(); err != nil && !c.disturbed && !c.canceled {
		p.t.Errorf("%s: Close: %v", c.id, err)
	}
}

// toClose tells the model that the body is about to be closed.
func (p *play) toClose(c *call) {
	c.closed = true
	if !c.over && !c.loose {
		c.end(c.onClose(p.rules)...)
	}
}

// closeAside closes in another goroutine.
func (p *play) closeAside(c *call) {
	if !p.arrived(c) {
		return
	}
	p.note("%s: close aside", c.id)
	c.closed = true
	if !c.over {
		c.loose = true
	}
	body := c.resp.Body
	p.wg.Go(func() { body.Close() })
	runtime.Gosched()
}

func (p *play) cancel(c *call) {
	p.note("%s: cancel", c.id)
	p.toCancel(c)
	c.ctx.cancel()
}

func (p *play) toCancel(c *call) {
	if !c.over {
		c.canceled = true
	}
}

func (p *play) cancelAndClose(c *call) {
	if !p.arrived(c) {
		return
	}
	p.note("%s: cancel and close", c.id)
	p.toCancel(c)
	c.racing = true
	p.toClose(c)
	p.wg.Go(c.ctx.cancel)
	p.closeNow(c, c.resp.Body)
}

// drop forgets the response; a collection finds it.
func (p *play) drop(c *call) {
	if !p.arrived(c) {
		return
	}
	p.note("%s: drop", c.id)
	c.dropped = true
	c.resp = nil
	if !c.over && !c.loose {
		c.end(roundtripper.OutcomeLeaked)
	}
}

func (p *play) gc() {
	if p.collect++; p.collect <= maxCollects {
		p.note("collect")
		runtime.GC()
	}
}

func (p *play) sweep() {
	p.note("close idle connections")
	p.sweeps++
	for _, c := range p.calls {
		if c.running() {
			c.swept = true
		}
	}
	p.client.CloseIdleConnections()
}

// disturb breaks the connection of an exchange from the server's side, by a
// reset or not.
func (p *play) disturb(c *call, reset bool) {
	tc := c.actor.tcp()
	if tc == nil {
		return
	}
	p.note("%s: the server ends its connection, reset %v", c.id, reset)
	p.broken = append(p.broken, tc.RemoteAddr())
	p.shake(tc)
	if reset {
		tc.SetLinger(0)
	}
	tc.Close()
}

// shake tells the model that the server ends a connection, and that a request
// may be on the way to it.
func (p *play) shake(tc *net.TCPConn) {
	p.resets++
	for _, d := range p.calls {
		if at := d.actor.tcp(); d.running() && (at == tc || at == nil) {
			d.disturbed = true
		}
	}
}

// release lets a waiting server, or upload, go on.
func (p *play) release(c *call) {
	if c.released {
		return
	}
	p.note("%s: go on", c.id)
	c.released = true
	close(c.actor.release)
	if c.gated {
		close(c.upload.gate)
	}
}
