package roundtrippertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/warmconn/warmconn/internal/chain"
)

func closeIdle(p *probe) {
	base := &Transport{}
	rt := p.wrap(base)
	p.step("CloseIdleConnections of an http.Client")
	(&http.Client{Transport: rt}).CloseIdleConnections()
	if base.IdleCloses() == 0 {
		p.errorf("CloseIdleConnections of an http.Client with %T does not reach the base", rt)
	}
}

// unwrap goes down to the base. Two names are in use; a layer with both must
// mean the same by them.
func unwrap(p *probe) {
	base := &Transport{}
	var last http.RoundTripper
	chain.Walk(p.wrap(base), func(rt http.RoundTripper) bool {
		u, ok := rt.(interface{ Unwrap() http.RoundTripper })
		k, both := rt.(interface{ WrappedRoundTripper() http.RoundTripper })
		if ok && both && u.Unwrap() != k.WrappedRoundTripper() {
			p.errorf("%T: Unwrap returns a %T, WrappedRoundTripper a %T", rt, u.Unwrap(), k.WrappedRoundTripper())
		}
		last = rt
		return true
	})
	if last != http.RoundTripper(base) {
		p.errorf("Unwrap, or WrappedRoundTripper, leads down to a %T, not to the base", last)
	}
}

// concurrent has many exchanges open at once and reads their bodies in turns: state that
// they share by mistake shows as another one's content, or as a data race.
func concurrent(p *probe) {
	base := &Transport{Body: func(req *http.Request) io.ReadCloser {
		return &Body{Text: strings.Repeat(req.URL.Path+" ", 500)}
	}}
	rt := p.wrap(base)
	for range 3 {
		var open sync.WaitGroup
		open.Add(crowd)
		opened, ready := make(chan struct{}), make(chan struct{})
		go func() {
			open.Wait()
			close(opened)
		}()
		go func() {
			wait(opened, settle) // the middleware may let fewer through
			close(ready)
		}()
		p.step("%d exchanges at once", crowd)
		p.together(crowd, func(i int) {
			path := fmt.Sprint("/", i)
			req := p.request("POST", scripted[:len(scripted)-1]+path, &Body{Text: path})
			resp, err := func() (*http.Response, error) {
				defer open.Done()
				return rt.RoundTrip(req)
			}()
			if err != nil || resp == nil {
				p.fatalf("RoundTrip returned %v and the error %v though the base gave a response", resp, err)
			}
			defer resp.Body.Close()
			<-ready
			var got strings.Builder
			for buf := make([]byte, 100); ; {
				n, err := resp.Body.Read(buf)
				got.Write(buf[:n])
				if err == io.EOF {
					break
				}
				if err != nil {
					p.fatalf("reading the body of %s: %v", path, err)
				}
			}
			if want := strings.Repeat(path+" ", 500); got.String() != want {
				p.fatalf("the body of %s is not its own, or not whole: %d bytes of %d, beginning with %.20q", path, got.Len(), len(want), got.String())
			}
		})
	}
	for _, c := range base.Calls() {
		if c.Body != c.Request.URL.Path {
			p.fatalf("the request for %s arrived with the body of another one, %q", c.Request.URL.Path, c.Body)
		}
	}
}
