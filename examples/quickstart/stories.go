package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// stage is what a story plays on: a server of its own, and a kit that keeps
// every span of the few requests.
type stage struct {
	*kit
	server *target
}

func newStage(h http.Handler) *stage {
	return &stage{newKit(pool.Options{}, 50), ownServer(h, false)}
}

func (s *stage) close() {
	s.kit.close()
	s.server.close()
}

// send sends GET path with c and leaves the response to do.
func (s *stage) send(ctx context.Context, c *http.Client, path string, do func(*http.Client, *http.Request) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.url+path, nil)
	if err != nil {
		return err
	}
	return do(c, req)
}

func storyClosedUnread(ctx context.Context) (*story, error) {
	s := &story{setup: "Layers trace and pool, without drain. GET /length/32768 is closed unread, then comes /length/1."}
	culprit := "/length/32768"
	if netHTTPDrains {
		culprit = fmt.Sprintf("/length/%d", len(page))
		s.setup = fmt.Sprintf("Layers trace and pool, without drain. GET %s is closed unread, then comes /length/1.\n"+
			"  The body is over 256 KiB: up to there net/http on Go 1.27 drains by itself, if that takes it no longer than 50 ms.", culprit)
	}
	st := newStage(bodies())
	defer st.close()
	c := roundtripper.Client(&http.Client{Transport: st.server.transport()}, st.tracer.Middleware, st.pool.Middleware)
	defer c.CloseIdleConnections()
	err := errors.Join(
		st.send(ctx, c, culprit, closedUnread),
		st.send(ctx, c, "/length/1", readAndClosed),
	)
	if err != nil {
		return s, err
	}
	return s, s.take(st.kit, newReasonKey, "body_unread", culprit)
}

func storyNeverClosed(ctx context.Context) (*story, error) {
	s := &story{setup: "Layers trace, drain and pool. GET /watch has a body without end, which is never closed; the garbage collector\n" +
		"  runs; then comes /next. A body with an end, as in the table, would have been drained and its connection kept."}
	st := newStage(watch())
	defer st.close()
	c := st.wrap(&http.Client{Transport: st.server.transport()})
	defer c.CloseIdleConnections()
	if err := st.send(ctx, c, "/watch", neverClosed); err != nil {
		return s, err
	}
	until(ctx, patience, func() bool {
		runtime.GC()
		return st.facts().leaks() > 0 && len(st.spans.spans()) > 0
	})
	if err := st.send(ctx, c, "/next", readAndClosed); err != nil {
		return s, err
	}
	for caller := range st.facts().callers {
		s.lines = append(s.lines, "pool reports the leak: "+shortSite(caller))
	}
	if err := s.take(st.kit, "warmconn.leaked", "true", ""); err != nil {
		return s, err
	}
	return s, s.take(st.kit, newReasonKey, "body_leaked", "/watch")
}

func storyIdlePool(ctx context.Context) (*story, error) {
	s := &story{setup: "Layer trace alone, on a plain transport. Three requests at once, and three more."}
	meet := newMeeting(3)
	st := newStage(meet)
	defer st.close()
	c := roundtripper.Client(&http.Client{Transport: st.server.transport()}, st.tracer.Middleware)
	defer c.CloseIdleConnections()
	for _, round := range []string{"first", "second"} {
		errs := make([]error, 3)
		var wg sync.WaitGroup
		for i := range errs {
			// Httptrace tells why the last one dials only when the others have their connections.
			until(ctx, patience, func() bool { return meet.waiting() == i })
			wg.Go(func() { errs[i] = st.send(ctx, c, fmt.Sprintf("/%s/%d", round, i+1), readAndClosed) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return s, err
		}
		// Net/http puts connections back, and closes the third, after its request has ended.
		until(ctx, patience, func() bool { return st.server.open() == http.DefaultMaxIdleConnsPerHost })
	}
	return s, s.take(st.kit, newReasonKey, "idle_limit", "/first/")
}

// meeting is a handler that answers when a number of requests have come.
type meeting struct {
	mu   sync.Mutex
	want int
	here int
	full chan struct{}
}

func newMeeting(want int) *meeting { return &meeting{want: want, full: make(chan struct{})} }

// waiting is how many requests have come of those that are to meet next.
func (m *meeting) waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.here
}

// ServeHTTP implements http.Handler.
func (m *meeting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	full := m.full
	if m.here++; m.here == m.want {
		m.here, m.full = 0, make(chan struct{})
		close(full)
	}
	m.mu.Unlock()
	select {
	case <-full:
		w.Write(text(1 << 10))
	case <-r.Context().Done():
	}
}

func storyDroppedClients(ctx context.Context) (*story, error) {
	s := &story{setup: "Layers trace, drain and pool. Each request has a client and a transport of its own."}
	st := newStage(small())
	defer st.close()
	for i := range 3 {
		c := st.wrap(&http.Client{Transport: st.server.transport()})
		if err := st.send(ctx, c, fmt.Sprintf("/%d", i+1), readAndClosed); err != nil {
			return s, err
		}
	}
	const first = "first"
	s.lines = append(s.lines, fmt.Sprintf("%d of 3 requests to one host say %s: none had a client that had been there before", st.facts().named(first), first))
	return s, s.take(st.kit, newReasonKey, first, "")
}

func storyKeepAliveOff(ctx context.Context) (*story, error) {
	s := &story{setup: "Layer trace alone. Keep-alive is off in a transport, then in a request (/client-close), then in an answer (/server-close)."}
	st := newStage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/server-close" {
			w.Header().Set("Connection", "close")
		}
		w.Write(text(1 << 10))
	}))
	defer st.close()
	off := st.server.transport()
	off.DisableKeepAlives = true
	never := roundtripper.Client(&http.Client{Transport: off}, st.tracer.Middleware)
	usual := roundtripper.Client(&http.Client{Transport: st.server.transport()}, st.tracer.Middleware)
	defer usual.CloseIdleConnections()
	err := errors.Join(
		st.send(ctx, never, "/keep-alive-off", readAndClosed),
		st.send(ctx, usual, "/client-close", func(c *http.Client, req *http.Request) error {
			req.Close = true
			return readAndClosed(c, req)
		}),
		st.send(ctx, usual, "/server-close", readAndClosed),
		st.send(ctx, usual, "/last", readAndClosed),
	)
	if err != nil {
		return s, err
	}
	for _, reason := range closeReasons {
		if err := s.take(st.kit, newReasonKey, reason, ""); err != nil {
			return s, err
		}
	}
	return s, nil
}
