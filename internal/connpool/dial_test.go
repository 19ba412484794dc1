package connpool

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
)

// gatedDialer makes connections when it is told to.
type gatedDialer struct {
	to      func(ctx context.Context, network, addr string) (net.Conn, error)
	begun   chan chan error // one for each dial; an error or nil that is sent there ends the dial
	started atomic.Int64
}

func newDialer(base *http.Transport) *gatedDialer {
	d := &gatedDialer{to: base.DialContext, begun: make(chan chan error, 100)}
	if d.to == nil {
		d.to = new(net.Dialer).DialContext
	}
	base.DialContext = d.dial
	return d
}

func (d *gatedDialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	end := make(chan error)
	d.started.Add(1)
	d.begun <- end
	select {
	case err := <-end:
		if err != nil {
			return nil, err
		}
		return d.to(ctx, network, addr)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open lets all dials go on from now on.
func (d *gatedDialer) open(t *testing.T) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	go func() {
		for {
			select {
			case end := <-d.begun:
				end <- nil
			case <-over:
				return
			}
		}
	}()
}

// send sends a GET in the background. The channel gets its error, or nil.
func send(ctx context.Context, r http.RoundTripper, url string) <-chan error {
	done := make(chan error, 1)
	go func() {
		resp, err := openGet(ctx, r, url)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		done <- err
	}()
	return done
}

// Over HTTP/2 it is one, where the machine is not slow: TestAColdHerdWaitsAtTheGate has that by a fake clock.
func TestNeverMoreDialsThanRequestsThatWantAConnection(t *testing.T) {
	const most = 50
	for _, protocol := range []string{"http", "tls", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			s, base := serve(t, protocol, hello)
			p := newPool(t, base, Options{})
			var all []<-chan error
			for range most {
				all = append(all, send(context.Background(), rt{p: p}, s.URL))
			}
			for _, done := range all {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if n := s.Opened(); n > most {
				t.Errorf("%d connections for a burst of %d", n, most)
			}
		})
	}
}

func TestARequestThatDialsTakesWhatComesFreeFirst(t *testing.T) {
	s, base := serve(t, "http", hello)
	d := newDialer(base)
	p := newPool(t, base, Options{})
	var busy *http.Response
	got1 := make(chan bool)
	go func() {
		busy, _ = openGet(context.Background(), rt{p: p}, s.URL)
		close(got1)
	}()
	(<-d.begun) <- nil
	<-got1
	second := send(context.Background(), rt{p: p}, s.URL)
	dial := <-d.begun
	io.Copy(io.Discard, busy.Body) // comes free
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	// Its dial goes on, and idles.
	dial <- nil
	waitCount(t, p, idle, 2)
	if n := d.started.Load(); n != 2 {
		t.Errorf("%d dials, want 2", n)
	}
	for range 2 { // both connections are in use
		resp, err := openGet(t.Context(), rt{p: p}, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, measured := h.worth.Cost(h.addr); measured != 2 {
			t.Errorf("what a connection costs rests on %d, want 2: that of the second, which another request has than it was dialed for, too", measured)
		}
	})
}

func TestADialGoesOnForTheNextRequest(t *testing.T) {
	s, base := serve(t, "http", hello)
	d := newDialer(base)
	p := newPool(t, base, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	first := send(ctx, rt{p: p}, s.URL)
	dial := <-d.begun
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	second := send(context.Background(), rt{p: p}, s.URL)
	waitWaiting(t, p, 1)
	dial <- nil
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	if n := d.started.Load(); n != 1 {
		t.Errorf("%d dials, want the one that the first request has left", n)
	}
}

func TestAnAbandonedDialThatHangsIsNoHopeForLong(t *testing.T) {
	t.Parallel() // it waits
	s, base := serve(t, "http", hello)
	d := newDialer(base)
	p := newPool(t, base, Options{MaxConns: 1})
	ctx, cancel := context.WithCancel(context.Background())
	began := time.Now()
	first := send(ctx, rt{p: p}, s.URL)
	<-d.begun // and hangs
	cancel()
	<-first
	second := send(context.Background(), rt{p: p}, s.URL)
	(<-d.begun) <- nil
	if took := time.Since(began); took < promiseUnknown/2 {
		t.Errorf("another dial after %v, without hope in the first", took)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
}

func TestADialsErrorReachesTheRequestThatHasNoOther(t *testing.T) {
	s, base := serve(t, "http", hello)
	d := newDialer(base)
	p := newPool(t, base, Options{})
	first := make(chan *http.Response)
	go func() {
		resp, _ := openGet(context.Background(), rt{p: p}, s.URL)
		first <- resp
	}()
	one := <-d.begun
	second := send(context.Background(), rt{p: p}, s.URL)
	two := <-d.begun
	// The dial of the second request is the first to end, and serves the first request,
	// which has waited for longer. The second request gets the first one's dial in exchange,
	// and so its error.
	two <- nil
	resp := <-first
	refused := errors.New("refused")
	one <- refused
	if err := <-second; !errors.Is(err, refused) {
		t.Errorf("the second request: %v, want the error of the first one's dial", err)
	}
	resp.Body.Close()
	if n := d.started.Load(); n != 2 {
		t.Errorf("%d dials for two requests", n)
	}
}

// TestAConnectionThatWasDialedForAnotherRequestIsNew: the dials of two requests end in the
// wrong order, and each request may get the other's connection, which no request has used. On
// a reused connection a request would be sent again if that breaks.
func TestAConnectionThatWasDialedForAnotherRequestIsNew(t *testing.T) {
	var in atomic.Int64
	goOn := make(chan struct{})
	s, base := serve(t, "http", func(w http.ResponseWriter, r *http.Request) {
		in.Add(1)
		<-goOn
		hello(w, r)
	})
	test := func(t *testing.T, base *http.Transport, of func(*http.Transport) http.RoundTripper) {
		d := newDialer(base)
		r := of(base)
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(g httptrace.GotConnInfo) {
			if g.Reused || g.WasIdle {
				t.Errorf("reused %v, was idle %v; want a new connection", g.Reused, g.WasIdle)
			}
		}})
		before := in.Load()
		one := send(ctx, r, s.URL)
		dialOne := <-d.begun
		two := send(ctx, r, s.URL)
		(<-d.begun) <- nil
		eventually.True(t, "one of them to be served", func() bool { return in.Load() == before+1 })
		dialOne <- nil
		eventually.True(t, "both to be served", func() bool { return in.Load() == before+2 })
		for range 2 {
			goOn <- struct{}{}
		}
		for _, done := range []<-chan error{one, two} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	test(t, base.Clone(), func(b *http.Transport) http.RoundTripper { return b })
	test(t, base.Clone(), func(b *http.Transport) http.RoundTripper { return rt{p: newPool(t, b, Options{})} })
}
