package connpool

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

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

// After a lookup that has waited for its turn the next one must not come too soon.
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
