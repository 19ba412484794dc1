package connpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/testserver"
)

// zone is the name service of these tests, and the network: whatever the address, it is
// that of one server in memory.
type zone struct {
	mu     sync.Mutex
	addrs  []netip.Addr
	err    error
	asked  []string
	dialed []netip.Addr
	turn   int
	// remote is what a connection to an address says of it; nil: the address.
	remote func(netip.Addr) net.Addr
}

func newZone(addrs ...string) *zone {
	z := new(zone)
	z.set(addrs...)
	return z
}

func (z *zone) set(addrs ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.addrs, z.err = nil, nil
	for _, a := range addrs {
		if a == "error" {
			z.err = errors.New("no such host")
		} else {
			z.addrs = append(z.addrs, netip.MustParseAddr(a))
		}
	}
}

func (z *zone) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, host)
	return slices.Clone(z.addrs), z.err
}

// lookups is how many there were since it was last called.
func (z *zone) lookups() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	n := len(z.asked)
	z.asked = nil
	return n
}

// to is where the connections that were dialed go, in that order.
func (z *zone) to() string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return fmt.Sprint(z.dialed)
}

type connTo struct {
	net.Conn
	remote net.Addr
}

func (c connTo) RemoteAddr() net.Addr { return c.remote }

// over has base dial the addresses of the zone in turns.
func (z *zone) over(s *testserver.Server, base *http.Transport) {
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := s.Dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		z.mu.Lock()
		defer z.mu.Unlock()
		to := z.addrs[z.turn%len(z.addrs)]
		z.turn++
		z.dialed = append(z.dialed, to)
		var remote net.Addr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(to, 443))
		if z.remote != nil {
			remote = z.remote(to)
		}
		return connTo{c, remote}, nil
	}
}

const resolveEvery = 10 * time.Second

// resolved runs f in a bubble, over a Pool that looks names up in z every 10 s. The
// server holds the answer to /hold until it is told to go on.
func resolved(t *testing.T, protocol string, z *zone, o Options, f func(t *testing.T, p *Pool, url string, goOn chan bool)) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan bool)
		s := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			if r.URL.Path == "/hold" {
				<-goOn
			}
			io.WriteString(w, "hello")
		}), testserver.Options{Memory: true, TLS: protocol == "tls", HTTP2: protocol == "h2"})
		defer s.Close()
		base := s.Transport()
		z.over(s, base)
		if o.Resolve == 0 {
			o.Resolve = resolveEvery
		}
		if o.LookupNetIP == nil {
			o.LookupNetIP = z.lookup
		}
		p := newPool(t, base, o)
		defer settles(t, p)
		url := "http://example.com"
		if protocol != "http" {
			url = "https://example.com"
		}
		f(t, p, url, goOn)
	})
}

func rotates(p *Pool) (yes bool) {
	p.Counts(func(c ledger.Counts) { yes = yes || c.Rotates })
	return yes
}

func TestIdleConnectionsToAnAddressThatIsGoneAreClosed(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			z := newZone("192.0.2.1", "192.0.2.2")
			resolved(t, protocol, z, Options{}, func(t *testing.T, p *Pool, url string, _ chan bool) {
				burst(t, p, url, 4)
				had := count(p, idle) // over HTTP/2 one, to the first
				after(resolveEvery * 3 / 2)
				z.set("192.0.2.2")
				after(resolveEvery*5/2 - 1) // answers after 0.5, 1.5 and 2.5 intervals
				if n := count(p, idle); n != had {
					t.Errorf("%d idle after two answers, want %d", n, had)
				}
				after(1)
				if n, gone := count(p, idle), lost(p, loss.AddressGone); n != had/2 || int(gone) != had-had/2 {
					t.Errorf("%d idle and %d lost after three answers, want %d and %d", n, gone, had/2, had-had/2)
				}
				for range 3 {
					after(resolveEvery)
					burst(t, p, url, 4)
				}
				if n := lost(p, loss.AddressGone); int(n) != had-had/2 {
					t.Errorf("%d are lost in the end", n)
				}
				if protocol == "h2" && z.to() != "[192.0.2.1 192.0.2.2]" {
					t.Errorf("dialed %s", z.to())
				}
			})
		})
	}
}

func TestTheNextConnectionIsNewBecauseTheAddressIsGone(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			z := newZone("192.0.2.1")
			resolved(t, protocol, z, Options{}, func(t *testing.T, p *Pool, url string, _ chan bool) {
				must(t, rt{p: p}, url)
				synctest.Wait()
				z.set("192.0.2.2")
				after(4 * resolveEvery)
				resp, err := openGet(context.Background(), rt{p: p}, url)
				if err != nil {
					t.Fatal(err)
				}
				if g := got(resp); g.Reason != loss.AddressGone || g.Culprit.Stack != nil {
					t.Errorf("new because %v", g.Reason)
				}
				io.Copy(io.Discard, resp.Body)
			})
		})
	}
}

// Over HTTP/1 a connection that is in use serves its request to the end, however long
// that takes, and no other.
func TestAConnectionInUseIsNotKeptWhenItsAddressIsGone(t *testing.T) {
	for _, protocol := range []string{"http", "tls"} {
		z := newZone("192.0.2.1")
		resolved(t, protocol, z, Options{}, func(t *testing.T, p *Pool, url string, goOn chan bool) {
			resp, err := openGet(context.Background(), rt{p: p}, url+"/hold")
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			z.set("192.0.2.2")
			after(100 * resolveEvery)
			if n := count(p, active); n != 1 {
				t.Errorf("%s: %d in use, want the one whose request is not over", protocol, n)
			}
			close(goOn)
			if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "hello" {
				t.Errorf("%s: the body is %q, %v", protocol, b, err)
			}
			synctest.Wait()
			if n := lost(p, loss.AddressGone); n != 1 || count(p, idle) != 0 {
				t.Errorf("%s: %d lost, %d idle", protocol, n, count(p, idle))
			}
		})
	}
}

// Over HTTP/2 a connection that is in use takes new streams until its successor is
// there, and lets those that it has end.
func TestAMultiplexedConnectionHasItsSuccessorFirst(t *testing.T) {
	z := newZone("192.0.2.1")
	resolved(t, "h2", z, Options{}, func(t *testing.T, p *Pool, url string, goOn chan bool) {
		held, err := openGet(context.Background(), rt{p: p}, url+"/hold")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		z.set("192.0.2.2")
		after(4 * resolveEvery)
		var conns []uint64
		for range 3 {
			resp, err := openGet(context.Background(), rt{p: p}, url)
			if err != nil {
				t.Fatal(err)
			}
			g := got(resp)
			if g.Wait != 0 {
				t.Errorf("a request has waited %v for a connection", g.Wait)
			}
			conns = append(conns, g.ConnID)
			io.Copy(io.Discard, resp.Body)
			synctest.Wait()
		}
		first := got(held).ConnID
		if conns[0] != first || conns[1] == first || conns[2] != conns[1] {
			t.Errorf("the streams are on connections %v, the first was %d", conns, first)
		}
		close(goOn)
		if b, err := io.ReadAll(held.Body); err != nil || string(b) != "hello" {
			t.Errorf("the body is %q, %v", b, err)
		}
		synctest.Wait()
		if n := lost(p, loss.AddressGone); n != 1 || z.to() != "[192.0.2.1 192.0.2.2]" {
			t.Errorf("%d lost, dialed %s", n, z.to())
		}
	})
}

func TestWhatNoAnswerIsRetiresNothing(t *testing.T) {
	const v4, v6 = "192.0.2.1", "2001:db8::1"
	for _, row := range []struct {
		name    string
		from    string
		answers [][]string // in turns, each for an interval
		lost    uint64
		rotates bool
	}{
		{"errors", v4, [][]string{{"error"}}, 0, false},
		{"errors beside addresses", v4, [][]string{{"error", "192.0.2.2"}}, 0, false},
		{"empty", v4, [][]string{{}}, 0, false},
		{"the other family alone", v4, [][]string{{"2001:db8::1"}}, 0, false},
		{"mapped into IPv6", v4, [][]string{{"::ffff:192.0.2.1"}}, 0, false},
		{"others beside it", v4, [][]string{{"192.0.2.1", "192.0.2.9"}, {"192.0.2.1"}}, 0, true},
		{"two of three", v4, [][]string{{"192.0.2.2"}, {"192.0.2.2"}, {"192.0.2.1", "192.0.2.2"}}, 0, true},
		{"no answers between", v4, [][]string{{"192.0.2.2"}, {"error"}, {}, {"192.0.2.2"}, {"2001:db8::1"}}, 1, false},
		{"it is gone", v4, [][]string{{"192.0.2.2"}}, 1, false},
		{"it is gone, by answers mapped into IPv6", v4, [][]string{{"::ffff:192.0.2.2"}}, 1, false},
		{"it is gone, and was mapped", "::ffff:192.0.2.1", [][]string{{"192.0.2.2"}}, 1, false},
		{"IPv6, the other family alone", v6, [][]string{{"192.0.2.1"}}, 0, false},
		{"IPv6, it is gone", v6, [][]string{{"2001:db8::2", "192.0.2.1"}}, 1, false},
	} {
		z := newZone(row.from)
		resolved(t, "http", z, Options{}, func(t *testing.T, p *Pool, url string, _ chan bool) {
			must(t, rt{p: p}, url)
			after(resolveEvery / 2)
			for i := range 20 {
				z.set(row.answers[i%len(row.answers)]...)
				after(resolveEvery)
			}
			if n := lost(p, loss.AddressGone); n != row.lost {
				t.Errorf("%s: %d connections lost, want %d", row.name, n, row.lost)
			}
			if got := rotates(p); got != row.rotates {
				t.Errorf("%s: rotates is %v", row.name, got)
			}
		})
	}
}

// The dialer goes where no lookup says.
func TestADialerThatGoesElsewhereIsLeftAlone(t *testing.T) {
	z, other := newZone("198.51.100.1"), newZone("192.0.2.1")
	resolved(t, "http", z, Options{LookupNetIP: other.lookup}, func(t *testing.T, p *Pool, url string, _ chan bool) {
		must(t, rt{p: p}, url)
		after(5 * resolveEvery)
		other.set("192.0.2.2")
		after(20 * resolveEvery)
		if n := lost(p, loss.AddressGone); n != 0 || count(p, idle) != 1 {
			t.Errorf("%d lost", n)
		}
		if other.lookups() < 20 {
			t.Error("nothing was looked up")
		}
	})
}

func TestOnlyNamesThatADialerLooksUpAreLookedUp(t *testing.T) {
	proxy := func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy.example:3128") }
	remote := func(a net.Addr) func(netip.Addr) net.Addr { return func(netip.Addr) net.Addr { return a } }
	for _, row := range []struct {
		name, url string
		proxy     func(*http.Request) (*url.URL, error)
		remote    func(netip.Addr) net.Addr
		every     time.Duration
		looks     bool
	}{
		{name: "a name", url: "http://example.com", looks: true},
		{name: "spelled otherwise", url: "http://EXAMPLE.com", looks: true},
		{name: "switched off", url: "http://example.com", every: -1},
		{name: "an address", url: "http://192.0.2.1"},
		{name: "an IPv6 address", url: "http://[2001:db8::1]:80"},
		{name: "a proxy", url: "http://example.com", proxy: proxy},
		{name: "a Unix socket", url: "http://example.com", remote: remote(&net.UnixAddr{Name: "/run/x", Net: "unix"})},
		{name: "a pipe", url: "http://example.com", remote: remote(nil)},
		{name: "an empty address", url: "http://example.com", remote: remote((*net.TCPAddr)(nil))},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true})
			defer s.Close()
			z := newZone("192.0.2.1")
			z.remote = row.remote
			base := s.Transport()
			z.over(s, base)
			base.Proxy = row.proxy
			if row.every == 0 {
				row.every = resolveEvery
			}
			p := newPool(t, base, Options{Resolve: row.every, LookupNetIP: z.lookup})
			defer settles(t, p)
			must(t, rt{p: p}, row.url)
			after(10*resolveEvery + 1)
			if n := z.lookups(); (n == 11) != row.looks || !row.looks && n > 0 {
				t.Errorf("%s: %d lookups", row.name, n)
			}
		})
	}
}

func TestNamesAreLookedUpWhileConnectionsAreOpen(t *testing.T) {
	z := newZone("192.0.2.1")
	resolved(t, "http", z, Options{IdleTimeout: 35 * time.Second}, func(t *testing.T, p *Pool, url string, goOn chan bool) {
		for range 3 {
			must(t, rt{p: p}, url)
			after(time.Hour)
			if n := z.lookups(); n != 4 {
				t.Errorf("%d lookups in 35 s, want one as the connection opens and one each 10 s", n)
			}
		}
		for range 3 { // one after the other, within the interval
			must(t, rt{p: p}, url)
			synctest.Wait()
			p.CloseIdleConnections()
			synctest.Wait()
		}
		if n := z.lookups(); n != 1 {
			t.Errorf("%d lookups for three connections of one moment, want 1", n)
		}
		must(t, rt{p: p}, url)
		after(resolveEvery)
		if n := z.lookups(); n != 1 {
			t.Errorf("%d lookups in the next interval, want 1", n)
		}
		resp, err := openGet(context.Background(), rt{p: p}, url+"/hold")
		if err != nil {
			t.Fatal(err)
		}
		p.Shutdown()
		after(10 * resolveEvery)
		if n := z.lookups(); n != 0 {
			t.Errorf("%d lookups for a Pool that was shut down", n)
		}
		close(goOn)
		io.Copy(io.Discard, resp.Body)
	})
}

func TestLookupsAtOnceAreBounded(t *testing.T) {
	var mu sync.Mutex
	running, most, twice := map[string]bool{}, 0, 0
	asked := map[string]int{}
	hang := func(ctx context.Context, host string) ([]netip.Addr, error) {
		mu.Lock()
		if running[host] {
			twice++
		}
		running[host] = true
		asked[host]++
		most = max(most, len(running))
		mu.Unlock()
		<-ctx.Done()
		mu.Lock()
		delete(running, host)
		mu.Unlock()
		return nil, ctx.Err()
	}
	z := newZone("192.0.2.1")
	const hosts = 4 * lookupsMost
	resolved(t, "http", z, Options{Resolve: time.Second, LookupNetIP: hang}, func(t *testing.T, p *Pool, _ string, _ chan bool) {
		for i := range hosts {
			must(t, rt{p: p}, fmt.Sprintf("http://host%d.example", i))
		}
		after(10 * lookupMost)
		mu.Lock()
		if most != lookupsMost || twice > 0 || len(asked) != hosts {
			t.Errorf("%d lookups at once, %d a second one of their host, %d of %d hosts had one", most, twice, len(asked), hosts)
		}
		mu.Unlock()
		p.Shutdown()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(running) > 0 {
			t.Errorf("%d lookups go on though no connection is open", len(running))
		}
	})
}

// A lookup that has waited for its turn is no reason for the next to come too soon.
func TestLookupsOfAHostAreAnIntervalApart(t *testing.T) {
	var mu sync.Mutex
	n, at := 0, map[string][]time.Time{}
	lookup := func(ctx context.Context, host string) ([]netip.Addr, error) {
		mu.Lock()
		at[host] = append(at[host], time.Now())
		n++
		slow := n <= lookupsMost // the last one of the hosts waits for them
		mu.Unlock()
		if slow {
			time.Sleep(19 * resolveEvery / 20)
		}
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}
	z := newZone("192.0.2.1")
	resolved(t, "http", z, Options{LookupNetIP: lookup}, func(t *testing.T, p *Pool, _ string, _ chan bool) {
		for i := range lookupsMost + 1 {
			must(t, rt{p: p}, fmt.Sprintf("http://host%d.example", i))
			synctest.Wait()
		}
		after(10*resolveEvery + 1)
		mu.Lock()
		defer mu.Unlock()
		for host, all := range at {
			for i := range all[1:] {
				if d := all[i+1].Sub(all[i]); d < resolveEvery {
					t.Errorf("%s is looked up again after %v", host, d)
				}
			}
			if len(all) < 9 {
				t.Errorf("%s is looked up %d times in 10 intervals", host, len(all))
			}
		}
	})
}

// An address that has come back may be gone once more.
func TestAnAddressMayComeBack(t *testing.T) {
	z := newZone("192.0.2.1")
	resolved(t, "http", z, Options{}, func(t *testing.T, p *Pool, url string, _ chan bool) {
		for i, to := range []string{"192.0.2.2", "192.0.2.1", "192.0.2.2"} {
			must(t, rt{p: p}, url)
			after((rememberFor + 1) * resolveEvery)
			z.set(to)
			after(4 * resolveEvery)
			if n := lost(p, loss.AddressGone); int(n) != i+1 {
				t.Errorf("%d lost after %d moves", n, i+1)
			}
		}
		if rotates(p) {
			t.Error("a name that moves seldom counts as one whose answers rotate")
		}
	})
}
