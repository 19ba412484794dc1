package connpool

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
)

// forAnew runs f with pools that keep no connection; with a negative MaxIdlePerHost none over
// HTTP/1. There net/http promises each request a connection that was made for it.
func forAnew(t *testing.T, o Options, f func(t *testing.T, p *Pool, url string, d *gatedDialer)) {
	for _, protocol := range protocols {
		for name, off := range map[string]bool{"DisableKeepAlives": true, "MaxIdlePerHost": false} {
			if protocol == "h2" && !off {
				continue
			}
			t.Run(protocol+"/"+name, func(t *testing.T) {
				s, base := serve(t, protocol, hello)
				d := newDialer(base)
				o := o
				if base.DisableKeepAlives = off; !off {
					o.MaxIdlePerHost = -1
				}
				f(t, newPool(t, base, o), s.URL, d)
			})
		}
	}
}

func TestADialServesItsOwnRequestWhereNoConnectionIsKept(t *testing.T) {
	forAnew(t, Options{}, func(t *testing.T, p *Pool, url string, d *gatedDialer) {
		first := send(context.Background(), rt{p: p}, url)
		one := <-d.begun
		second := send(context.Background(), rt{p: p}, url)
		two := <-d.begun
		two <- nil
		if err := <-second; err != nil {
			t.Error(err)
		}
		refused := errors.New("refused")
		one <- refused
		if err := <-first; !errors.Is(err, refused) {
			t.Errorf("the first request: %v, want the error of its dial", err)
		}
	})
}

func TestAConnectionIsUsedOnceWhereNoneIsKept(t *testing.T) {
	forAnew(t, Options{MaxConns: 1}, func(t *testing.T, p *Pool, url string, d *gatedDialer) {
		first := send(context.Background(), rt{p: p}, url)
		dial := <-d.begun
		second := send(context.Background(), rt{p: p}, url)
		waitWaiting(t, p, 2)
		dial <- nil
		if err := <-first; err != nil {
			t.Error(err)
		}
		(<-d.begun) <- nil
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

func TestADialIsBrokenOffWithItsRequestWhereNoConnectionIsKept(t *testing.T) {
	for _, limit := range []int{0, 1} {
		forAnew(t, Options{MaxConns: limit}, func(t *testing.T, p *Pool, url string, d *gatedDialer) {
			ctx, cancel := context.WithCancel(context.Background())
			first := send(ctx, rt{p: p}, url)
			<-d.begun // and hangs
			var second <-chan error
			if limit > 0 { // it waits for the first one's place
				second = send(context.Background(), rt{p: p}, url)
				waitWaiting(t, p, 2)
			}
			cancel()
			if err := <-first; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if limit == 0 {
				eventually.True(t, "the dial to be broken off", func() bool { return count(p, dialing) == 0 })
				second = send(context.Background(), rt{p: p}, url)
			}
			(<-d.begun) <- nil
			if err := <-second; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAConnectionThatComesAfterItsRequestIsClosedWhereNoneIsKept: the dialer heeds
// no context.
func TestAConnectionThatComesAfterItsRequestIsClosedWhereNoneIsKept(t *testing.T) {
	s, base := serve(t, "http", hello)
	begun := make(chan chan struct{}, 2)
	base.DialContext = func(_ context.Context, network, addr string) (net.Conn, error) {
		end := make(chan struct{})
		begun <- end
		<-end
		return s.Dial(context.Background(), network, addr)
	}
	base.DisableKeepAlives = true
	p := newPool(t, base, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	first := send(ctx, rt{p: p}, s.URL)
	one := <-begun
	cancel()
	<-first
	second := make(chan Got, 1)
	go func() {
		resp, err := openGet(context.Background(), rt{p: p}, s.URL)
		if err != nil {
			t.Error(err)
			close(second)
			return
		}
		second <- got(resp)
		resp.Body.Close()
	}()
	two := <-begun
	close(one)
	waitCount(t, p, dialing, 1)
	waitCount(t, p, closing, 0)
	if n := waits(p); n != 1 {
		t.Fatalf("%d requests wait, want the second one, for its own dial", n)
	}
	close(two)
	if g := <-second; !g.Own || g.Reused {
		t.Errorf("own dial %v, reused %v; want a connection that was made for the request", g.Own, g.Reused)
	}
}
