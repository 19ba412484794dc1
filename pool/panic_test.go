package pool_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// bomb is a body, of a foreign base, that panics.
type bomb struct {
	read, close any
	hangs       chan struct{} // closed by Close; a Read waits for it
	closes      int
}

func (b *bomb) Read(p []byte) (int, error) {
	if b.hangs != nil {
		<-b.hangs
		return 0, errors.New("closed")
	}
	if b.read != nil {
		panic(b.read)
	}
	return len(p), nil
}

func (b *bomb) Close() error {
	if b.closes++; b.closes == 1 && b.hangs != nil {
		close(b.hangs)
	}
	if b.close != nil {
		panic(b.close)
	}
	return nil
}

// blown returns the value of f's panic, or nil. It fails the test if f hangs.
func blown(t *testing.T, what string, f func()) any {
	t.Helper()
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		f()
	}()
	select {
	case v := <-done:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("%s hangs", what)
		return nil
	}
}

func TestABodyThatPanicsCostsNoSlot(t *testing.T) {
	fixed := drain.Options{Policy: drain.Fixed, MaxTime: 10 * time.Millisecond}
	later := fixed
	later.Background = 1
	for _, row := range []struct {
		name   string
		drain  *drain.Options
		body   *bomb
		read   any // what the caller's Read panics with, if there is one
		closed any // and Close
	}{
		{name: "Read", body: &bomb{read: "read"}, read: "read"},
		{name: "Read, and Close", body: &bomb{read: "read", close: "close"}, read: "read", closed: "close"},
		{name: "Close", body: &bomb{close: "close"}, closed: "close"},
		{name: "Read in a drain", drain: &fixed, body: &bomb{read: "read"}},
		{name: "Close after a drain", drain: &fixed, body: &bomb{close: "close"}, closed: "close"},
		{name: "Close in a drain's time-out", drain: &fixed, body: &bomb{close: "close", hangs: make(chan struct{})}, closed: "close"},
		{name: "Read in the background", drain: &later, body: &bomb{read: "read"}},
		{name: "Close in the background", drain: &later, body: &bomb{close: "close"}},
		{name: "Close in a time-out in the background", drain: &later, body: &bomb{close: "close", hangs: make(chan struct{})}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := pool.New(pool.Options{MaxPerHost: 1, OnLeak: func(l pool.Leak) { t.Errorf("leak %+v", l) }})
			defer p.Close()
			layers := []roundtripper.Middleware{p.Middleware}
			if row.drain != nil {
				d := drain.New(*row.drain)
				defer d.Close()
				layers = append([]roundtripper.Middleware{d.Middleware}, layers...)
			}
			rt := roundtripper.Wrap(roundtripper.Func(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, ProtoMajor: 1, Proto: "HTTP/1.1", ContentLength: 1000, Body: row.body, Request: r}, nil
			}), layers...)
			req, _ := http.NewRequest("GET", "http://host.example/", nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if row.read != nil {
				for range 2 {
					if v := blown(t, "Read", func() { resp.Body.Read(make([]byte, 1)) }); v != row.read {
						t.Errorf("Read panicked with %v, want %v", v, row.read)
					}
				}
			}
			if v := blown(t, "Close", func() { resp.Body.Close() }); v != row.closed {
				t.Errorf("Close panicked with %v, want %v", v, row.closed)
			}
			eventually.True(t, "the slot", func() bool { return p.Stats().InUse == 0 })
			if v := blown(t, "a second Close", func() { resp.Body.Close() }); v != nil {
				t.Errorf("a second Close panicked with %v", v)
			}
			if v := blown(t, "a Read after Close", func() {
				if _, err := resp.Body.Read(make([]byte, 1)); err != http.ErrBodyReadAfterClose {
					t.Errorf("Read after Close: %v", err)
				}
			}); v != nil {
				t.Errorf("a Read after Close panicked with %v", v)
			}
			// The next request gets the slot.
			row.body = &bomb{}
			resp, err = rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.CopyN(io.Discard, resp.Body, 10)
			resp.Body.Close()
		})
	}
}

// A layer refuses the request, and closes its body, which panics. The layer above has taken a
// slot by then, which must come back.
func TestARefusedRequestWhoseBodyPanicsCostsNoSlot(t *testing.T) {
	above, below := pool.New(pool.Options{MaxPerHost: 1}), pool.New(pool.Options{})
	defer above.Close()
	below.Close()
	rt := roundtripper.Wrap(&http.Transport{}, above.Middleware, below.Middleware)
	req, _ := http.NewRequest("POST", "http://host.example/", &bomb{close: "close"})
	if v := blown(t, "RoundTrip", func() { rt.RoundTrip(req) }); v != "close" {
		t.Errorf("RoundTrip panicked with %v, want close", v)
	}
	if n := above.Stats().InUse; n != 0 {
		t.Errorf("%d slots in use, want none", n)
	}
}
