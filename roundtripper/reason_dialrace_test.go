package roundtripper_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// atOnce makes n requests at the same time and returns the Exchanges of those that did not
// reuse a connection.
func (s *scene) atOnce(n int) (dialed []roundtripper.Exchange) {
	s.t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			resp, err := s.client.Get(s.server())
			if err != nil {
				s.t.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
	all.Wait()
	for range n {
		e := s.next()
		if e.LostReason != "" {
			s.t.Errorf("lost for %q, want nothing", e.LostReason)
		}
		if e.Reused {
			s.wantReused(e)
		} else {
			dialed = append(dialed, e)
		}
	}
	return dialed
}

// TestHTTP2DuplicateDialsAreChargedToNobody: net/http dials for each of the
// requests that come at once, uses one connection and throws the others away. Pool dials once,
// unless the handshake takes longer than the other requests wait for it.
func TestHTTP2DuplicateDialsAreChargedToNobody(t *testing.T) {
	lose := func(s *scene) roundtripper.NewReason {
		s.peer.conn().end()
		if s.pool == nil {
			// On a busy machine net/http begins one of its dials only now.
			s.until("the client's connections to close", func() bool { s.peer.endAll(); return s.open.Load() == 0 })
			return "unknown" // the close can't be seen
		}
		s.gone(0)
		return "server_closed_idle"
	}
	tests := map[string]func(*scene) roundtripper.NewReason{
		"the first requests": func(*scene) roundtripper.NewReason { return "first" },
		"after a loss":       func(s *scene) roundtripper.NewReason { s.read("/", nil); return lose(s) },
	}
	for name, before := range tests {
		t.Run(name, func(t *testing.T) {
			forStacks(t, stack{}, func(t *testing.T, k stack) {
				play := func(s *scene) {
					want := before(s)
					dialed := s.atOnce(10)
					if len(dialed) != 1 {
						s.t.Fatalf("%d of 10 requests are on new connections, want one: they share it", len(dialed))
					}
					s.wantNew(dialed[0], want, nobody)
					s.gone(1)
					if dialed := s.atOnce(10); len(dialed) != 0 {
						s.t.Errorf("%d of the next 10 requests are on new connections, want none", len(dialed))
					}
					// No duplicate is a loss that waits for the next dial.
					want = lose(s)
					last := s.read("/", nil)
					s.wantNew(last, want, nobody)
					s.wantReused(s.read("/", nil))
					if s.pool == nil {
						return
					}
					if opened := s.pool.Stats().Opened; opened != last.ConnID || opened > 3 {
						s.t.Errorf("%d connections opened, the last is number %d: there were duplicates", opened, last.ConnID)
					}
				}
				if k.pooled {
					peerInBubble(t, k, play)
				} else {
					play(peerScene(t, k))
				}
			})
		})
	}
}

// TestConnectionOfALostDialRaceIsNew: B dials and is served by A's connection
// before its own is there. B's connection becomes idle, and httptrace calls it reused at its
// first use.
func TestConnectionOfALostDialRaceIsNew(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		for name, o := range map[string]testserver.Options{"plain": {}, "TLS": {TLS: true}} {
			t.Run(name, func(t *testing.T) {
				dialing := make(chan struct{}, 10)
				gates := make(chan chan struct{}, 3) // of A's dial, B's and C's
				ofA, ofB, ofC := make(chan struct{}), make(chan struct{}), make(chan struct{})
				gates <- ofA
				gates <- ofB
				gates <- ofC
				t.Cleanup(func() { close(ofC) })
				k.base = func(tr *http.Transport) {
					tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
						gate := <-gates
						dialing <- struct{}{}
						<-gate
						return new(net.Dialer).DialContext(ctx, network, addr)
					}
				}
				s := serverScene(t, o, k)
				close(ofA)
				a := s.do("/hold", nil)
				<-dialing
				served := make(chan *http.Response)
				go func() { served <- s.do("/hold", nil) }()
				<-dialing
				s.release()
				s.wantNew(s.whole(a), "first", nobody)
				b := <-served

				close(ofB)
				// C finds the connection idle, or is given it as soon as it is
				// there: that makes no difference.
				var info httptrace.GotConnInfo
				hooks := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { info = i }})
				c := s.read("/", within(hooks))
				if !info.Reused {
					t.Error("no dial race: httptrace calls the connection new")
				}
				s.wantNew(c, "all_busy", nobody)
				if c.ConnUses != 1 || c.OwnDial {
					t.Errorf("use %d of the connection, own dial %v; want 1, false", c.ConnUses, c.OwnDial)
				}
				s.release()
				if e := s.whole(b); !e.Reused || e.ConnUses != 2 {
					t.Errorf("B: reused %v, use %d; want true, 2", e.Reused, e.ConnUses)
				}
				for _, resp := range []*http.Response{s.do("/", nil), s.do("/", nil)} {
					s.wantReused(s.whole(resp))
				}
			})
		}
	})
}
