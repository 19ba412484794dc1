package connpool

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// bubble runs f in a synctest bubble, with a server in memory.
func bubble(t *testing.T, o Options, f func(t *testing.T, p *Pool, s *testserver.Server)) {
	synctest.Test(t, func(t *testing.T) {
		s := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true})
		defer s.Close()
		p := newPool(t, s.Transport(), o)
		defer settles(t, p)
		f(t, p, s)
	})
}

// burst has n requests under way at once, and lets them end.
func burst(t *testing.T, p *Pool, url string, n int) {
	var all []*http.Response
	for range n {
		resp, err := openGet(context.Background(), rt{p: p}, url)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, resp)
	}
	for _, resp := range all {
		io.Copy(io.Discard, resp.Body)
	}
	synctest.Wait()
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAnIdleConnectionIsClosedAtItsTimeout(t *testing.T) {
	bubble(t, Options{IdleTimeout: time.Minute}, func(t *testing.T, p *Pool, s *testserver.Server) {
		burst(t, p, s.URL, 2)
		after(59 * time.Second)
		must(t, rt{p: p}, s.URL) // one of them begins anew
		synctest.Wait()
		after(time.Second)
		if n := count(p, idle); n != 1 {
			t.Errorf("%d idle after a minute, want the one that was used", n)
		}
		after(59 * time.Second)
		if n := count(p, idle); n != 0 {
			t.Errorf("%d idle after two minutes", n)
		}
	})
}

func TestWhatTheServerAnnouncesShortensTheTimeout(t *testing.T) {
	for announced, want := range map[time.Duration]time.Duration{
		5 * time.Second: 4 * time.Second, time.Second: time.Second / 2, time.Hour: time.Minute,
	} {
		bubble(t, Options{IdleTimeout: time.Minute}, func(t *testing.T, p *Pool, s *testserver.Server) {
			resp, err := openGet(context.Background(), rt{p: p}, s.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.(*endBody).e.KeepAlive(announced)
			io.Copy(io.Discard, resp.Body)
			after(want - time.Millisecond)
			if n := count(p, idle); n != 1 {
				t.Errorf("announced %v: closed too soon", announced)
			}
			after(time.Millisecond)
			if n := count(p, idle); n != 0 {
				t.Errorf("announced %v: still there", announced)
			}
		})
	}
}

func TestNoMoreConnectionsLieIdleThanWished(t *testing.T) {
	for perHost, want := range map[int]int{0: 5, 2: 2, -1: 0} {
		bubble(t, Options{MaxIdlePerHost: perHost}, func(t *testing.T, p *Pool, s *testserver.Server) {
			burst(t, p, s.URL, 5)
			if n := count(p, idle); n != want {
				t.Errorf("MaxIdlePerHost %d: %d idle, want %d", perHost, n, want)
			}
		})
	}
}

func TestMaxIdleHoldsOverAllHostsAndClosesTheLongestIdle(t *testing.T) {
	bubble(t, Options{MaxIdle: 3}, func(t *testing.T, p *Pool, s *testserver.Server) {
		for i := range 6 { // one server, by six names
			burst(t, p, fmt.Sprintf("http://host%d.example", i), 1)
			after(time.Second)
			if n := count(p, idle); n > 3 {
				t.Errorf("%d idle", n)
			}
		}
		before := s.Opened()
		for i := 3; i < 6; i++ {
			burst(t, p, fmt.Sprintf("http://host%d.example", i), 1)
		}
		if n := s.Opened() - before; n != 0 {
			t.Errorf("%d of the last three hosts had lost their connection", n)
		}
	})
}

func TestDecayHalvesWhatIsNotNeeded(t *testing.T) {
	bubble(t, Options{DecayEvery: time.Minute, DecayFloor: 1}, func(t *testing.T, p *Pool, s *testserver.Server) {
		burst(t, p, s.URL, 16)
		after(61 * time.Second) // the burst was in the first minute
		var kept []int
		for range 6 {
			kept = append(kept, count(p, idle))
			after(time.Minute)
		}
		if got, want := fmt.Sprint(kept), "[16 8 4 2 1 1]"; got != want {
			t.Errorf("kept %v, want %v", got, want)
		}
	})
}

func TestAConnectionIsRetiredAtItsAgeLessAtMostATenth(t *testing.T) {
	bubble(t, Options{MaxAge: time.Hour}, func(t *testing.T, p *Pool, s *testserver.Server) {
		burst(t, p, s.URL, 40)
		after(54*time.Minute - time.Second)
		if n := count(p, idle); n != 40 {
			t.Errorf("%d idle before nine tenths, want 40", n)
		}
		after(3 * time.Minute)
		if n := count(p, idle); n == 40 || n == 0 {
			t.Errorf("%d idle within the tenth: ages do not differ", n)
		}
		after(3*time.Minute + time.Second)
		if n := count(p, idle); n != 0 {
			t.Errorf("%d idle at the age", n)
		}
	})
}

func TestAConnectionThatIsTooOldIsNotUsedAgain(t *testing.T) {
	bubble(t, Options{MaxAge: time.Hour}, func(t *testing.T, p *Pool, s *testserver.Server) {
		resp, _ := openGet(context.Background(), rt{p: p}, s.URL)
		after(2 * time.Hour) // busy for longer than its age
		io.Copy(io.Discard, resp.Body)
		synctest.Wait()
		if n := count(p, idle); n != 0 {
			t.Errorf("%d idle", n)
		}
	})
}

// TestAMachineThatSlept: the wall clock has gone on, the monotonic one has not.
func TestAMachineThatSlept(t *testing.T) {
	bubble(t, Options{IdleTimeout: time.Minute}, func(t *testing.T, p *Pool, s *testserver.Server) {
		must(t, rt{p: p}, s.URL)
		synctest.Wait()
		p.hosts.each(func(h *Host) {
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, c := range h.direct.idle {
				c.idleAt = c.idleAt.Round(0).Add(-time.Hour)
			}
		})
		must(t, rt{p: p}, s.URL)
		if n := s.Opened(); n != 2 {
			t.Errorf("%d connections, want another one after an hour of sleep", n)
		}
	})
}

func TestAConnectionServesExactlyItsNumberOfRequests(t *testing.T) {
	for _, protocol := range protocols {
		for _, byPolicy := range []bool{false, true} {
			s, base := serve(t, protocol, hello)
			r := rt{p: newPool(t, base, Options{MaxUses: 3})}
			if byPolicy {
				r = rt{p: newPool(t, base, Options{}), policy: Policy{MaxUses: 3}}
			}
			for i := range 10 {
				resp, err := openGet(context.Background(), r, s.URL)
				if err != nil {
					t.Fatal(err)
				}
				if g, want := got(resp), i%3+1; g.Uses != want {
					t.Errorf("%s: request %d has use %d of its connection, want %d", protocol, i, g.Uses, want)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if n := s.Opened(); n != 4 {
				t.Errorf("%s: %d connections for 10 requests, want 4", protocol, n)
			}
		}
	}
}
