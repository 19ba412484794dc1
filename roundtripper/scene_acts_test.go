package roundtripper_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"runtime"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// release lets one handler go on that holds its answer.
func (s *scene) release() {
	s.t.Helper()
	select {
	case s.released <- struct{}{}:
	case <-time.After(20 * time.Second):
		s.t.Fatal("no handler waits")
	}
}

func (s *scene) server() string {
	if s.srv != nil {
		return s.srv.URL
	}
	return s.url
}

func (s *scene) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.server()+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return req
}

// do makes one request and leaves its body open.
func (s *scene) do(path string, edit func(*http.Request)) *http.Response {
	s.t.Helper()
	req := s.request("GET", path, nil)
	if edit != nil {
		edit(req)
	}
	return s.send(req)
}

// whole reads the body and returns the Exchange.
func (s *scene) whole(resp *http.Response) roundtripper.Exchange {
	s.t.Helper()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		s.t.Error(err)
	}
	resp.Body.Close()
	return s.next()
}

// broken reads a body that fails, or does not: over TLS a cancelled read of a
// chunked body can look like its end.
func (s *scene) broken(resp *http.Response) roundtripper.Exchange {
	s.t.Helper()
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return s.next()
}

// fails makes a request that gets no response.
func (s *scene) fails(path string, edit func(*http.Request)) roundtripper.Exchange {
	s.t.Helper()
	req := s.request("GET", path, nil)
	if edit != nil {
		edit(req)
	}
	if resp, err := s.client.Do(req); err == nil {
		resp.Body.Close()
		s.t.Errorf("a response, %s; want an error", resp.Status)
	}
	return s.next()
}

// hold makes one request and leaves its body open to the end of the test.
func (s *scene) hold(path string) *http.Response {
	s.t.Helper()
	resp := s.do(path, nil)
	s.held = append(s.held, resp)
	return resp
}

func (s *scene) send(req *http.Request) *http.Response {
	s.t.Helper()
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// read makes one request, reads its body and returns the Exchange.
//
// Net/http keeps no connection whose writing goroutine had no turn for 50 ms after
// the response was there (maxWriteWaitBeforeConnReuse), for a reason that no client
// can see. On a machine that is that busy, read leaves another one in its place.
func (s *scene) read(path string, edit func(*http.Request)) roundtripper.Exchange {
	s.t.Helper()
	e := s.whole(s.do(path, edit))
	last, lost := s.last, s.lost
	got := e
	for try := 0; unkept(got) > 0; try++ {
		if try == 5 {
			s.t.Fatal("connections are lost again and again, without a reason")
		}
		got = s.whole(s.do("/", nil))
	}
	s.last, s.lost = last, lost
	return e
}

// within makes a request with ctx.
func within(ctx context.Context) func(*http.Request) {
	return func(r *http.Request) { *r = *r.WithContext(ctx) }
}

//go:noinline
func leak(s *scene) { s.do("/big", nil) }

// collected returns the Exchange whose body was leaked.
func (s *scene) collected() roundtripper.Exchange {
	s.t.Helper()
	s.until("the collector", func() bool { runtime.GC(); return len(s.ends) > 0 })
	return s.next()
}

// elsewhere makes a request to another server, over the same transport.
func (s *scene) elsewhere() roundtripper.Exchange {
	s.t.Helper()
	other := testserver.New(http.HandlerFunc(handler), s.opts)
	s.t.Cleanup(other.Close)
	resp, err := s.client.Get(other.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.whole(resp)
}

// idleHTTP2 makes a request over HTTP/2 and waits until net/http has forgotten its stream.
// Net/http does that a moment after the body was read, and calls no hook; until then it does
// not take the connection for idle.
func (s *scene) idleHTTP2() {
	s.t.Helper()
	s.read("/", nil)
	stacks := make([]byte, 1<<20)
	s.until("the stream to be forgotten", func() bool {
		return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("lientStream).doRequest"))
	})
}

// answeredTwice makes a request, and the server speaks again when the connection
// is idle.
func (s *scene) answeredTwice(path string) {
	s.t.Helper()
	s.read(path, nil)
	s.release()
	s.gone(0)
}

// answeredEarly makes a request whose body does not end before the response.
func (s *scene) answeredEarly(path string) roundtripper.Exchange {
	s.t.Helper()
	body, rest := io.Pipe()
	s.t.Cleanup(func() { rest.Close() })
	return s.whole(s.send(s.request("POST", path, body)))
}
