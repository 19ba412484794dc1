package roundtrippertest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// wantClosed waits for the request's body to be closed: RoundTrip may have left
// that to another goroutine.
func (p *probe) wantClosed(b *Body, path string) {
	p.step("waiting for the request's body to be closed")
	if !p.eventually(func() bool { return b.Closes() > 0 }) {
		p.errorf("%s: the request's body was not closed", path)
	}
}

var errDial = errors.New("the dial failed")

// noDial is a transport that gets no connection.
func noDial() *http.Transport {
	return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errDial }}
}

// requestBodyClosed: the middleware must close the body wherever the base would.
func requestBodyClosed(p *probe) {
	body := &Body{Text: "hello"}
	p.send(p.wrap(&Transport{}), p.request("POST", scripted, body)).Body.Close()
	p.wantClosed(body, "the base answered")

	body = &Body{Text: "hello"}
	p.try(p.wrap(&Transport{Err: errBase}), p.request("POST", scripted, body))
	p.wantClosed(body, "the base failed")

	body = &Body{Text: "hello"}
	p.try(p.real(noDial()), p.request("POST", scripted, body))
	p.wantClosed(body, "the dial failed")

	body = &Body{Text: "hello"}
	srv, rt := p.serve(testserver.Options{}, func(http.ResponseWriter, *http.Request) {})
	p.send(rt, p.request("POST", srv.URL, body)).Body.Close()
	p.wantClosed(body, "the server answered")
}

func requestBodyClosedOnce(p *probe) {
	for _, base := range []*Transport{{}, {Err: errBase}} {
		body := &Body{Text: "hello"}
		resp, err := p.try(p.wrap(base), p.request("POST", scripted, body))
		if err == nil {
			p.close(resp)
		}
		// The base closes it once for each call.
		if got, want := body.Closes(), max(1, len(base.Calls())); got > want {
			p.errorf("the request's body was closed %d times, in %d calls of a base that closes it once", got, len(base.Calls()))
		}
	}
}

// crowd is how many requests are sent at once.
const crowd = 16

// settle is how long requests have to arrive, from the last one that has. The rest of them are
// taken to be queued by the middleware.
const settle = 50 * time.Millisecond

// refusals sends requests with a context that is done, and a crowd of requests: a middleware
// may refuse them, or queue them until the context is done.
func refusals(p *probe) {
	ctx, cancel := p.context()
	cancel(nil)
	body := &Body{Text: "hello"}
	p.try(p.wrap(&Transport{}), p.requestWith(ctx, "POST", scripted, body))
	p.wantClosed(body, "the context was done before")

	p.in("16 requests at once")
	p.step("16 requests at once, until all have arrived, were refused, or cancelled")
	ctx, cancel = p.context()
	base := &Transport{Until: ctx.Done()}
	rt := p.wrap(base)
	var begun, returned atomic.Int32
	go func() {
		defer cancel(nil)
		seen := 0
		for end := time.Now().Add(settle); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
			switch n := int(returned.Load()) + len(base.Calls()); {
			case n >= crowd:
				return
			case n > seen, begun.Load() < crowd: // a busy machine has let some have no turn yet
				seen, end = n, time.Now().Add(settle)
			}
		}
	}()
	bodies := make([]*Body, crowd)
	p.together(crowd, func(i int) {
		bodies[i] = &Body{Text: "hello"}
		req := p.requestWith(ctx, "POST", scripted, bodies[i])
		begun.Add(1)
		resp, err := rt.RoundTrip(req)
		returned.Add(1)
		if err == nil && resp != nil {
			resp.Body.Close()
		}
	})
	for _, b := range bodies {
		p.wantClosed(b, "refused, or cancelled on the way")
	}
}
