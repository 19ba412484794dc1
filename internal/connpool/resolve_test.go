package connpool

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/warmconn/warmconn/internal/loss"
)

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

// Over HTTP/1 a connection in use serves its request to the end, no matter how long that
// takes, and no other request.
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

// Over HTTP/2 a connection in use takes new streams until its successor is there, and then
// its streams go on to their end.
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

func TestOnlyAnswersThatLeaveAnAddressOutRetireItsConnections(t *testing.T) {
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

// The dialer has addresses that are in no answer.
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
