package roundtrippertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

var errCause = errors.New("the caller's cause")

// isCancel: net/http returns the cause of a cancel, other bases context.Canceled.
func isCancel(err error) bool { return errors.Is(err, errCause) || errors.Is(err, context.Canceled) }

type valueKey struct{}

func contextPassed(p *probe) {
	ctx, _ := p.context()
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, valueKey{}, "v"), time.Hour)
	defer cancel()
	base := &Transport{}
	p.send(p.wrap(base), p.requestWith(ctx, "GET", scripted, nil)).Body.Close()
	for _, c := range base.Calls() {
		down := c.Request.Context()
		if down.Value(valueKey{}) != "v" {
			p.errorf("a value in the caller's context does not reach the base")
		}
		want, _ := ctx.Deadline()
		if got, ok := down.Deadline(); !ok || got.After(want) {
			p.errorf("the caller's deadline does not reach the base")
		}
	}
}

func cancelBefore(p *probe) {
	look := func(rt http.RoundTripper, url string) {
		ctx, cancel := p.context()
		cancel(errCause)
		if resp, err := p.try(rt, p.requestWith(ctx, "GET", url, nil)); err == nil {
			p.errorf("the context was done before, and a response with status %d came", resp.StatusCode)
			resp.Body.Close()
		} else if !isCancel(err) {
			p.errorf("the context was done before; the error is neither context.Canceled nor the cause: %v", err)
		}
	}
	look(p.wrap(&Transport{}), scripted)
	p.overSockets(func(http.ResponseWriter, *http.Request) {}, look)
}

func cancelDuring(p *probe) {
	look := func(rt http.RoundTripper, url string, arrived <-chan struct{}) {
		ctx, cancel := p.context()
		go func() {
			select {
			case <-arrived:
			case <-ctx.Done():
			}
			cancel(errCause)
		}()
		body := &Body{Text: "hello"}
		resp, err := p.try(rt, p.requestWith(ctx, "POST", url, body))
		if err == nil {
			p.errorf("the context was cancelled while the base had the request, and a response with status %d came", resp.StatusCode)
			resp.Body.Close()
		} else if !isCancel(err) {
			p.errorf("the context was cancelled while the base had the request; the error is neither context.Canceled nor the cause: %v", err)
		}
		p.wantClosed(body, "cancelled while the base had the request")
	}
	arrived := make(chan struct{}, 10)
	look(p.wrap(&Transport{Answer: func(req *http.Request) (*http.Response, error) {
		arrived <- struct{}{}
		<-req.Context().Done()
		return nil, context.Cause(req.Context())
	}}), scripted, arrived)
	p.overSockets(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}, func(rt http.RoundTripper, url string) { look(rt, url, arrived) })
}

func cancelInBody(p *probe) {
	p.overSockets(startAndHang, func(rt http.RoundTripper, url string) {
		ctx, cancel := p.context()
		resp := p.send(rt, p.requestWith(ctx, "GET", url, nil))
		p.step("reading what the server has sent, while it hangs")
		if _, err := io.ReadFull(resp.Body, make([]byte, len(start))); err != nil {
			p.errorf("reading what the server has sent: %v", err)
		}
		cancel(errCause)
		p.step("reading on after the context was cancelled, while the server hangs")
		if n, err := resp.Body.Read(make([]byte, 1)); n > 0 || !isCancel(err) {
			p.errorf("Read after the context was cancelled returned %d and %v, want context.Canceled or the cause", n, err)
		}
		p.step("Body.Close after the context was cancelled, while the server hangs")
		resp.Body.Close()
	})
}

const start = "start"

func startAndHang(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, start)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func cancelAfter(p *probe) {
	look := func(rt http.RoundTripper, url string) {
		for range 2 {
			ctx, cancel := p.context()
			resp := p.send(rt, p.requestWith(ctx, "GET", url, nil))
			p.step("reading the body to its end")
			if got, err := io.ReadAll(resp.Body); string(got) != "x" || err != nil {
				p.errorf("read %q and %v, want x", got, err)
			}
			cancel(errCause)
			p.close(resp)
		}
	}
	look(p.wrap(&Transport{Body: text("x")}), scripted)
	p.overSockets(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }, look)
}
