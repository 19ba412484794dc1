package pool_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func TestConnsTellsWhenAnIdleConnectionIsRetiredAndWhy(t *testing.T) {
	for name, tt := range map[string]struct {
		o         pool.Options
		keepAlive string
		after     time.Duration // 0: never
		why       string
		lost      roundtripper.NewReason
	}{
		"its idle time":          {o: pool.Options{IdleTimeout: 30 * time.Second}, after: 30 * time.Second, why: "idle_timeout", lost: "idle_timeout"},
		"the transport's":        {after: 90 * time.Second, why: "idle_timeout", lost: "idle_timeout"},
		"none":                   {o: pool.Options{IdleTimeout: -1}},
		"what the server says":   {o: pool.Options{IdleTimeout: 30 * time.Second}, keepAlive: "timeout=20", after: 19 * time.Second, why: "server_idle", lost: "idle_timeout"},
		"where there is no else": {o: pool.Options{IdleTimeout: -1}, keepAlive: "timeout=20", after: 19 * time.Second, why: "server_idle", lost: "idle_timeout"},
		"the server waits on":    {o: pool.Options{IdleTimeout: 10 * time.Second}, keepAlive: "timeout=20", after: 10 * time.Second, why: "idle_timeout", lost: "idle_timeout"},
		"its age":                {o: pool.Options{IdleTimeout: -1, MaxConnAge: time.Minute}, after: time.Minute, why: "max_age", lost: "max_age"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					if tt.keepAlive != "" {
						w.Header().Set("Keep-Alive", tt.keepAlive)
					}
					io.WriteString(w, "hello")
				}), testserver.Options{Memory: true})
				defer srv.Close()
				lost := make(chan roundtripper.NewReason, 1)
				tt.o.Listener.Closed = func(e pool.ConnEvent) { lost <- e.LostReason }
				p := pool.New(tt.o)
				defer p.Close()
				client := &http.Client{Transport: p.Middleware(srv.Transport())}
				defer runtime.KeepAlive(client) // a dropped one's connections are closed
				if err := get(client, srv.URL); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				began := time.Now()
				time.Sleep(time.Second)
				all := p.Conns()
				if len(all) != 1 {
					t.Fatalf("%d listed", len(all))
				}
				c := all[0]
				if c.State != "idle" || c.IdleFor != time.Second || c.Age < time.Second || c.Uses != 1 || c.Streams != 0 || c.RetireWhy != tt.why {
					t.Errorf("listed as %+v", c)
				}
				if tt.after == 0 {
					if !c.RetireAt.IsZero() {
						t.Errorf("retired at %v, want never", c.RetireAt)
					}
					return
				}
				// Each connection has an age of its own.
				if d := c.RetireAt.Sub(began); d > tt.after || d < tt.after*9/10 || tt.why != "max_age" && d != tt.after {
					t.Errorf("retired after %v, want %v", d, tt.after)
				}
				time.Sleep(time.Until(c.RetireAt) - time.Nanosecond)
				synctest.Wait()
				if len(p.Conns()) != 1 {
					t.Error("gone before its time")
				}
				time.Sleep(time.Nanosecond)
				if why := <-lost; why != tt.lost {
					t.Errorf("lost by %q, want %q", why, tt.lost)
				}
				synctest.Wait()
				if all := p.Conns(); len(all) > 0 {
					t.Errorf("listed behind its time: %+v", all)
				}
			})
		})
	}
}

// TestConnsListsWhatIsThereByHost: there are two servers, one of HTTP/2, with requests under
// way and a dial.
func TestConnsListsWhatIsThereByHost(t *testing.T) {
	goOn := make(chan struct{})
	arrived := make(chan struct{}, 10)
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			arrived <- struct{}{}
			<-goOn
		}
		io.WriteString(w, strings.Repeat("x", 10_000))
	})
	one, two := testserver.New(slow, testserver.Options{}), testserver.New(slow, testserver.Options{HTTP2: true})
	defer one.Close()
	defer two.Close()
	base := one.Transport()
	base.TLSClientConfig, base.ForceAttemptHTTP2 = two.ClientTLS(), true
	dialing := make(chan struct{})
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, "nowhere.example") {
			close(dialing)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(base)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	start := func(url string, n int) {
		for range n {
			wg.Go(func() { getIn(ctx, client, url) })
		}
	}
	if err := get(client, two.URL); err != nil { // so that its limit of streams is known
		t.Fatal(err)
	}
	start(one.URL+"/wait", 2)
	start(two.URL+"/wait", 3)
	start("http://nowhere.example/", 1)
	for range 5 {
		<-arrived
	}
	<-dialing
	all := p.Conns()
	// A server may have read a request before the client's Write has returned and is
	// counted.
	for range 1000 {
		if !slices.ContainsFunc(all, func(c pool.ConnInfo) bool { return c.State == "active" && c.BytesWritten < 50 }) {
			break
		}
		time.Sleep(time.Millisecond)
		all = p.Conns()
	}
	var lines []string
	for _, c := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s uses %d streams %d new %q lost %q", c.Host, c.Proto, c.State, c.Uses, c.Streams, c.NewReason, c.LostReason))
		if c.State == "dialing" {
			continue
		}
		if c.LocalAddr == nil || c.RemoteAddr == nil || c.BytesWritten < 50 || runtime.GOOS == "linux" && c.RTT <= 0 {
			t.Errorf("facts are missing: %+v", c)
		}
	}
	want := []string{
		one.URL + ` HTTP/1.1 active uses 1 streams 1 new "first" lost ""`,
		one.URL + ` HTTP/1.1 active uses 1 streams 1 new "all_busy" lost ""`,
		two.URL + ` HTTP/2.0 active uses 4 streams 3 new "first" lost ""`,
		`http://nowhere.example:80  dialing uses 0 streams 0 new "first" lost ""`,
	}
	sorted := slices.IsSortedFunc(all, func(a, b pool.ConnInfo) int { return strings.Compare(a.Host, b.Host) })
	slices.Sort(want)
	got := slices.Clone(lines)
	slices.Sort(got)
	if !slices.Equal(got, want) || !sorted {
		t.Errorf("listed, sorted %v:\n%s\nwant:\n%s", sorted, strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	close(goOn)
	eventually.True(t, "three idle connections with what they have brought", func() bool {
		n := 0
		for _, c := range p.Conns() {
			if c.State == "idle" && c.Streams == 0 && c.BytesRead > 10_000 && c.IdleFor > 0 {
				n++
			}
		}
		return n == 3
	})
}

// mute is a connection whose methods for addresses block until the test lets them go on.
type mute struct {
	net.Conn
	goOn  <-chan struct{}
	asked chan<- struct{}
}

func (c mute) LocalAddr() net.Addr {
	c.asked <- struct{}{}
	<-c.goOn
	return c.Conn.LocalAddr()
}

func TestConnsHoldsNoRequestUpWhileItAsksTheProgramsConnections(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	goOn, asked := make(chan struct{}), make(chan struct{}, 1)
	base := srv.Transport()
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := srv.Dial(ctx, network, addr)
		return mute{c, goOn, asked}, err
	}
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(base)}
	if err := get(client, srv.URL); err != nil {
		t.Fatal(err)
	}
	listed := make(chan int)
	go func() { listed <- len(p.Conns()) }()
	<-asked
	for range 3 {
		if err := get(client, srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	close(goOn)
	if n := <-listed; n != 1 {
		t.Errorf("%d listed", n)
	}
}

func TestConnsListsOnlyWhatThePoolOwns(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(roundtripper.Func(srv.Transport().RoundTrip))}
	defer client.CloseIdleConnections()
	if err := get(client, srv.URL); err != nil {
		t.Fatal(err)
	}
	if all := p.Conns(); len(all) > 0 || p.Stats().Open != 1 {
		t.Errorf("listed %+v, and %d are open", all, p.Stats().Open)
	}
}

// heard has the events that a listener was told, in words.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) note(word string) func(pool.ConnEvent) {
	return func(e pool.ConnEvent) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.lines = append(h.lines, fmt.Sprintf("%d %s uses %d streams %d idle %v new %q lost %q", e.ID, word, e.Uses, e.Streams, e.IdleFor, e.NewReason, e.LostReason))
	}
}

func (h *heard) listener() pool.ConnListener {
	return pool.ConnListener{
		Opened: h.note("opened"), Acquired: h.note("acquired"), Released: h.note("released"), Retired: h.note("retired"), Closed: h.note("closed"),
	}
}

func (h *heard) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, "\n")
}

func TestTheListenerIsToldOfAConnectionsLife(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts testserver.Options
		want string
	}{
		{"HTTP1", testserver.Options{Memory: true}, `
1 opened uses 0 streams 0 idle 0s new "first" lost ""
1 acquired uses 1 streams 1 idle 0s new "first" lost ""
1 released uses 1 streams 0 idle 0s new "first" lost ""
1 acquired uses 2 streams 1 idle 5s new "first" lost ""
2 opened uses 0 streams 0 idle 0s new "all_busy" lost ""
2 acquired uses 1 streams 1 idle 0s new "all_busy" lost ""
2 released uses 1 streams 0 idle 0s new "all_busy" lost ""
1 released uses 2 streams 0 idle 0s new "first" lost ""
2 retired uses 1 streams 0 idle 0s new "all_busy" lost "idle_timeout"
2 closed uses 1 streams 0 idle 0s new "all_busy" lost "idle_timeout"
1 retired uses 2 streams 0 idle 0s new "first" lost "idle_timeout"
1 closed uses 2 streams 0 idle 0s new "first" lost "idle_timeout"`},
		{"HTTP2", testserver.Options{Memory: true, HTTP2: true}, `
1 opened uses 0 streams 0 idle 0s new "first" lost ""
1 acquired uses 1 streams 1 idle 0s new "first" lost ""
1 released uses 1 streams 0 idle 0s new "first" lost ""
1 acquired uses 2 streams 1 idle 5s new "first" lost ""
1 acquired uses 3 streams 2 idle 0s new "first" lost ""
1 released uses 3 streams 1 idle 0s new "first" lost ""
1 released uses 3 streams 0 idle 0s new "first" lost ""
1 retired uses 3 streams 0 idle 0s new "first" lost "idle_timeout"
1 closed uses 3 streams 0 idle 0s new "first" lost "idle_timeout"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(hello), tt.opts)
				defer srv.Close()
				h := new(heard)
				p := pool.New(pool.Options{IdleTimeout: 10 * time.Second, Listener: h.listener()})
				client := &http.Client{Transport: p.Middleware(srv.Transport())}
				defer client.CloseIdleConnections() // see inBubble
				if err := get(client, srv.URL); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				first, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if err := get(client, srv.URL); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				io.Copy(io.Discard, first.Body)
				first.Body.Close()
				time.Sleep(time.Minute)
				p.Close()
				synctest.Wait()
				if got := "\n" + h.text(); got != tt.want {
					t.Errorf("told:%s\nwant:%s", got, tt.want)
				}
			})
		})
	}
}

// TestAListenerMayUseThePoolAndHoldsNoRequestUp, not even if it does not return.
func TestAListenerMayUseThePoolAndHoldsNoRequestUp(t *testing.T) {
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(hello), proto.opts)
			defer srv.Close()
			var p *pool.Pool
			var told atomic.Int32
			goOn := make(chan struct{})
			ask := func(pool.ConnEvent) {
				<-goOn
				p.Conns()
				p.Stats()
				told.Add(1)
			}
			p = pool.New(pool.Options{MaxConnRequests: 2, Listener: pool.ConnListener{Opened: ask, Acquired: ask, Released: ask, Retired: ask, Closed: ask}})
			client := &http.Client{Transport: p.Middleware(srv.Transport())}
			for range 4 {
				if err := get(client, srv.URL); err != nil {
					t.Fatal(err)
				}
			}
			client.CloseIdleConnections()
			close(goOn)
			const all = 2 * (1 + 2 + 2 + 1 + 1) // opened, two requests, retired, closed
			eventually.True(t, "all to be told", func() bool { return told.Load() == all })
			p.Close()
		})
	}
}

// A dropped client is found although it has a listener.
func TestAListenerKeepsNoDroppedClient(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	h := new(heard)
	p := pool.New(pool.Options{Listener: h.listener()})
	func() {
		if err := get(&http.Client{Transport: p.Middleware(srv.Transport())}, srv.URL); err != nil {
			t.Fatal(err)
		}
	}()
	eventually.Collected(t, "the dropped client's connection to be closed, and told", func() bool {
		return strings.Contains(h.text(), `closed uses 1 streams 0 idle 0s new "first" lost "closed_idle"`)
	})
}

// BenchmarkConnListener prints the cost of a listener for a request over HTTP/1 on loopback.
func BenchmarkConnListener(b *testing.B) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	note := func(pool.ConnEvent) {}
	for _, v := range []struct {
		name string
		l    pool.ConnListener
	}{
		{"none", pool.ConnListener{}},
		{"opened and closed", pool.ConnListener{Opened: note, Closed: note}},
		{"all", pool.ConnListener{Opened: note, Acquired: note, Released: note, Retired: note, Closed: note}},
	} {
		b.Run(v.name, func(b *testing.B) {
			p := pool.New(pool.Options{Listener: v.l})
			defer p.Close()
			client := &http.Client{Transport: p.Middleware(srv.Transport())}
			b.ReportAllocs()
			for b.Loop() {
				if err := get(client, srv.URL); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
