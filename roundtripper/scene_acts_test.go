package roundtripper_test

import (
	"context"
	"io"
	"net/http"
	"runtime"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// within makes a request with ctx.
func within(ctx context.Context) func(*http.Request) {
	return func(r *http.Request) { *r = *r.WithContext(ctx) }
}

// clockless is a context whose deadline passes when the test says so.
type clockless struct {
	context.Context
	done chan struct{}
}

func (c *clockless) Done() <-chan struct{} { return c.done }

func (c *clockless) Err() error {
	select {
	case <-c.done:
		return context.DeadlineExceeded
	default:
		return c.Context.Err()
	}
}

//go:noinline
func leak(s *scene) { s.do("/big", nil) }

// collected is the exchange whose body was leaked.
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

// answeredTwice makes a request, and the server speaks again when the connection
// is idle.
func (s *scene) answeredTwice(path string) {
	s.t.Helper()
	s.read(path, nil)
	s.release()
	s.gone(0)
}

// answeredEarly makes a request whose body has no end before the response.
func (s *scene) answeredEarly(path string) roundtripper.Exchange {
	s.t.Helper()
	body, rest := io.Pipe()
	s.t.Cleanup(func() { rest.Close() })
	return s.whole(s.send(s.request("POST", path, body)))
}

// settledIdle waits until pool sees n connections idle.
func (s *scene) settledIdle(n int) {
	s.t.Helper()
	s.until("connections to go idle", func() bool { return s.pool.Stats().Idle == n })
}
