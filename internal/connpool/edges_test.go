package connpool

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/loss"
)

// TestEveryEdgeOfTheTableOccurs drives connections along every edge. NewPool fails on an edge
// that is not in the table.
func TestEveryEdgeOfTheTableOccurs(t *testing.T) {
	var mu sync.Mutex
	var seen [states][states]bool
	note := func(from, to state) {
		mu.Lock()
		seen[from][to] = true
		mu.Unlock()
	}
	t.Run("scenarios", func(t *testing.T) {
		for name, f := range scenarios {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f(t, note)
			})
		}
		for _, protocol := range protocols {
			t.Run("mix "+protocol, func(t *testing.T) {
				t.Parallel()
				mix(t, protocol, note)
			})
		}
	})
	for from := range states {
		for to := range states {
			if edges[from][to] && !seen[from][to] {
				t.Errorf("edge %v to %v is in the table and does not occur", from, to)
			}
		}
	}
}

type edgeFunc = func(from, to state)

var scenarios = map[string]func(t *testing.T, note edgeFunc){
	"dial failure": func(t *testing.T, note edgeFunc) {
		base := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }}
		if _, err := fetch(rt{p: newPool(t, base, Options{}, note)}, "http://127.0.0.1:1/"); err == nil {
			t.Error("no error")
		}
	},
	"shutdown while a dial goes on for no request": func(t *testing.T, note edgeFunc) {
		s, base := serve(t, "http", hello)
		begun, goOn := make(chan bool, 1), make(chan bool)
		base.DialContext = func(_ context.Context, network, addr string) (net.Conn, error) {
			begun <- true
			<-goOn
			return s.Dial(context.Background(), network, addr)
		}
		p := newPool(t, base, Options{}, note)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-begun; cancel() }()
		openGet(ctx, rt{p: p}, s.URL)
		p.shutDown.Store(true)
		close(goOn)
		waitCount(t, p, dialing, 0)
	},
	"server closes an idle connection": func(t *testing.T, note edgeFunc) {
		s, base := serve(t, "http", hello)
		p := newPool(t, base, Options{}, note)
		must(t, rt{p: p}, s.URL)
		s.CloseClientConnections()
		waitCount(t, p, idle, 0)
	},
	"a 101": func(t *testing.T, note edgeFunc) {
		s, base := serve(t, "http", upgrade)
		p := newPool(t, base, Options{}, note)
		resp, err := openGet(context.Background(), rt{p: p}, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := resp.Body.(io.Writer); !ok {
			t.Error("the body of a 101 can't be written to")
		}
		resp.Body.Close()
	},
	"handed to the next in the queue": func(t *testing.T, note edgeFunc) {
		s, base := serve(t, "http", hello)
		p := newPool(t, base, Options{MaxConns: 1}, note)
		resp, _ := openGet(context.Background(), rt{p: p}, s.URL)
		done := make(chan error, 1)
		go func() { _, err := fetch(rt{p: p}, s.URL); done <- err }()
		waitWaiting(t, p, 1)
		io.Copy(io.Discard, resp.Body)
		if err := <-done; err != nil {
			t.Error(err)
		}
	},
	"drained, and handed on": func(t *testing.T, note edgeFunc) {
		s, base := serve(t, "http", hello)
		p := newPool(t, base, Options{MaxConns: 1}, note)
		resp, _ := openGet(context.Background(), rt{p: p}, s.URL)
		done := make(chan error, 1)
		go func() { _, err := fetch(rt{p: p}, s.URL); done <- err }()
		waitWaiting(t, p, 1)
		resp.Body.(*endBody).e.Draining(time.Now())
		io.Copy(io.Discard, resp.Body)
		if err := <-done; err != nil {
			t.Error(err)
		}
	},
	"drained in vain, and in peace": func(t *testing.T, note edgeFunc) {
		s, base := serve(t, "http", half)
		p := newPool(t, base, Options{}, note)
		for _, end := range []func(b *endBody){
			func(b *endBody) { b.end(loss.BodyUnread, false) },                                 // given up
			func(b *endBody) { s.CloseClientConnections(); io.ReadAll(b) },                     // closed by the server
			func(b *endBody) { b.Close() },                                                     // by net/http, or drained by it
			func(b *endBody) { io.CopyN(io.Discard, b, 1); p.hosts.each((*Host).breakDrains) }, // by Shutdown
		} {
			resp, err := openGet(context.Background(), rt{p: p}, s.URL)
			if err != nil {
				t.Fatal(err)
			}
			b := resp.Body.(*endBody)
			b.e.Draining(time.Now())
			end(b)
			waitCount(t, p, draining, 0)
			b.Close()
		}
		full, base := serve(t, "http", hello)
		p = newPool(t, base, Options{}, note)
		resp, _ := openGet(context.Background(), rt{p: p}, full.URL)
		resp.Body.(*endBody).e.Draining(time.Now())
		io.Copy(io.Discard, resp.Body)
		waitCount(t, p, idle, 1)
	},
	"HTTP/2 goes away under its streams": func(t *testing.T, note edgeFunc) {
		for _, kill := range []bool{false, true} {
			s, base := serve(t, "h2", half)
			p := newPool(t, base, Options{}, note)
			a, err1 := openGet(context.Background(), rt{p: p}, s.URL)
			b, err2 := openGet(context.Background(), rt{p: p}, s.URL)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			a.Body.(*endBody).ReadCloser.Close()
			a.Body.(*endBody).end(loss.ClientClose, false)
			waitCount(t, p, goingAway, 1)
			if kill {
				s.CloseClientConnections()
				io.ReadAll(b.Body)
			}
			b.Body.Close()
			waitCount(t, p, goingAway, 0)
		}
	},
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

// half answers with half of a body, and keeps the rest until the client has gone.
func half(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "10")
	io.WriteString(w, "hello")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func upgrade(w http.ResponseWriter, _ *http.Request) {
	c, rw, _ := w.(http.Hijacker).Hijack()
	io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	rw.Flush()
	io.Copy(io.Discard, c)
	c.Close()
}

// mix sends requests of all kinds at once, to a server that answers in many ways.
func mix(t *testing.T, protocol string, note edgeFunc) {
	s, base := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
		switch rand.IntN(12) {
		case 0:
			w.Header().Set("Connection", "close") // over HTTP/2: GOAWAY
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			io.CopyN(w, zeros{}, 200<<10)
		}
		io.Copy(w, r.Body)
	})
	for _, o := range []Options{
		{},
		{MaxConns: 3, MaxUses: 3},
		{MaxAge: 3 * time.Millisecond, IdleTimeout: 2 * time.Millisecond},
		{MaxIdlePerHost: 1, MaxIdle: 1, DecayEvery: time.Millisecond},
	} {
		p := newPool(t, base, o, note)
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for i := range fullsize.Of(20, 12) {
					ctx, cancel := context.WithCancel(context.Background())
					if i%7 == 0 {
						ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
					}
					if resp, err := openGet(ctx, rt{p: p}, s.URL); err == nil {
						if (w+i)%4 > 0 {
							io.Copy(io.Discard, resp.Body)
						}
						resp.Body.Close()
					}
					if rand.IntN(20) == 0 {
						p.CloseIdleConnections()
					}
					cancel()
				}
			})
		}
		wg.Wait()
		settles(t, p)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestANewConnectionWasNotIdle: one of HTTP/2 is idle for a moment, before it is given to the
// requests that wait.
func TestANewConnectionWasNotIdle(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s, base := serve(t, protocol, hello)
			p := newPool(t, base, Options{})
			for _, wasIdle := range []bool{false, true} {
				resp, err := openGet(t.Context(), rt{p: p}, s.URL)
				if err != nil {
					t.Fatal(err)
				}
				if g := got(resp); g.WasIdle != wasIdle || g.Reused != wasIdle {
					t.Errorf("was idle %v, reused %v; want %v", g.WasIdle, g.Reused, wasIdle)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}
