package pool_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

const (
	bytesSeed = 18
	// silentFor is for how long a path is dead before the server resets it, and patience the
	// deadline of requests to such servers, which must be longer than TCP takes to send again.
	silentFor, patience = time.Second, 800 * time.Millisecond
)

// bytesRequests are how many requests are sent in all. Parts of the full size are for the race
// detector, which is slow, and, with -short, for the other Go release.
func bytesRequests() int {
	switch {
	case fullsize.Asked() && raceEnabled:
		return 25_000
	case fullsize.Asked() && testing.Short():
		return 50_000
	}
	return fullsize.Of(1_000_000, 1280)
}

// goodServers is how many of the hosts, the first ones, do nothing wrong: no request to them fails but by its caller.
const goodServers = 3

// bytesFaults are the hosts: each kit sends to all of them. In the small size some misbehave more
// often, so that each thing happens, and in the full one connections live for longer.
func bytesFaults() []badserver.Fault {
	const ms = time.Millisecond
	all := []badserver.Fault{
		badserver.Good(badserver.Plain),
		badserver.Good(badserver.TLS),
		badserver.Good(badserver.HTTP2),
		badserver.IdleClose(badserver.Plain, 4*ms),
		badserver.Reset(badserver.Plain, 10),
		badserver.Reset(badserver.TLS, 20),
		badserver.Reset(badserver.HTTP2, 30),
		badserver.CloseAfter(badserver.Plain, 20, false),
		badserver.GoAway(int64(fullsize.Of(20, 6))),
		badserver.OneStream(),
		badserver.Early(badserver.Plain, true),
		badserver.Early(badserver.HTTP2, true),
		badserver.Truncate(badserver.Plain, 10),
		badserver.Truncate(badserver.HTTP2, 10),
		badserver.Slow(badserver.Plain, 25*ms),
		badserver.Slow(badserver.HTTP2, 25*ms),
	}
	if testserver.CannotSwallow() == "" {
		for _, p := range []badserver.Proto{badserver.Plain, badserver.TLS, badserver.HTTP2} {
			all = append(all, badserver.Swallow(p, fullsize.Of(60, 6), silentFor))
		}
	}
	return all
}

// byteKit is a kit whose requests go to all servers.
type byteKit struct {
	name string
	opts warmconn.Options

	kit     *warmconn.Kit
	senders []*sender // one for each server
}

func byteKits() []*byteKit {
	return []*byteKit{
		{name: "zero options"},
		{name: "drains in the background", opts: warmconn.Options{Drain: drain.Options{Background: 64}}},
		{name: "connections get old", opts: warmconn.Options{Pool: pool.Options{MaxConnAge: time.Duration(fullsize.Of(1000, 200)) * time.Millisecond}}},
		{name: "limits", opts: warmconn.Options{
			Drain: drain.Options{Policy: drain.Fixed},
			Pool:  pool.Options{MaxPerHost: 8, MaxConnRequests: fullsize.Of(20, 4), MinHTTP2Conns: 2, MaxStreamsPerConn: 3, TLSSessions: 32},
		}},
	}
}

// start puts the kit over a transport of its own.
func (k *byteKit) start(servers []*badserver.Server, saw *sights) {
	k.kit = warmconn.New(k.opts)
	observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { saw.exchange(&e) }})
	client := roundtripper.Client(&http.Client{Transport: badserver.TransportTo(100, servers...)}, observe, k.kit.Middleware)
	for _, s := range servers {
		k.senders = append(k.senders, &sender{url: s.URL, client: client})
	}
}

// TestEveryByteIsItsOwn: servers label each response, in a header and in every 16 bytes of its body,
// and the requests are labelled in the same way. Whatever servers, the network and callers
// do to a connection: no exchange has a byte of another one, in either direction. The full
// size is 10^6 requests, 50,000 with -short, and 25,000 with the race detector.
func TestEveryByteIsItsOwn(t *testing.T) {
	before := leftNow()
	began := time.Now()
	faults, kits, saw := bytesFaults(), byteKits(), newSights()
	var servers []*badserver.Server
	for _, f := range faults {
		s, err := badserver.Start(f, bytesSeed)
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	workers := fullsize.Of(24, 10)
	senders := len(kits) * workers
	each := (bytesRequests() + senders - 1) / senders
	var all sync.WaitGroup
	for i, k := range kits {
		k.start(servers, saw)
		for w := range workers {
			all.Go(func() {
				for nth := range each {
					k.sends(bytesSeed, i*workers+w, nth, faults, saw)
				}
			})
		}
	}
	waitFor(t, &all, time.Duration(fullsize.Of(25, 5))*time.Minute)
	for i, k := range kits {
		k.end(t, faults, saw)
		saw.stats(k.kit.Stats())
		if want := uint64(each * workers); saw.sent[k.name] != want {
			t.Errorf("kit %d, %s: %d requests, want %d", i, k.name, saw.sent[k.name], want)
		}
	}
	for i, s := range servers {
		for _, text := range s.Wrong() {
			t.Errorf("%s: a request with another one's bytes: %s", faults[i].Name, text)
		}
		for _, op := range []string{opPost, opPostOnce} {
			if n := s.Twice(op); n > 0 {
				t.Errorf("%s: %d of %s were handled twice", faults[i].Name, n, op)
			}
		}
		for _, op := range []string{opGet, opHead} {
			saw.add("sent again, by net/http or the kit", s.Twice(op))
		}
		saw.add("paths that died", s.Swallowed())
		eventually.True(t, faults[i].Name+" to have no connection", func() bool { return s.Open() == 0 })
		s.Close()
	}
	before.wait(t)
	saw.judge(t)
	t.Logf("every byte its own: %d requests to %d hosts, %d at once, %.1f s: %d responses with a foreign byte; %s",
		each*senders, len(servers), senders, time.Since(began).Seconds(), saw.mixed(), saw.summary())
	t.Logf("all that was seen:\n%s", saw)
}

// sends sends the nth request of a worker, to one of the servers.
func (k *byteKit) sends(seed uint64, worker, nth int, faults []badserver.Fault, saw *sights) {
	at := (worker + nth*7) % len(faults) // all of them in turn: their number has no factor of 7
	f := faults[at]
	round := worker + nth/len(faults)
	p := newPlan(seed, worker, nth, f.Uploads && round%4 == 1) // large ones take most of the time
	p.gzip = round%4 == 0
	if p.size <= 16<<10 { // of most bodies some labels are enough
		p.size /= 4
	}
	if p.upload <= 16<<10 {
		p.upload /= 4
	}
	if strings.HasPrefix(f.Name, "swallow") && !p.own() {
		p.ending, p.after = patient, patience
	}
	time.Sleep(p.pause / 2)
	class := k.senders[at].send(&p)
	saw.request(k.name, &p, class)
	if at < goodServers && !strings.HasPrefix(class, classOK) && (!p.own() || strings.Contains(class, "by nobody")) {
		saw.add("failed at good servers", 1)
	}
}

// end shuts the kit down, and checks that nothing is left of it.
func (k *byteKit) end(t *testing.T, faults []badserver.Fault, saw *sights) {
	t.Helper()
	for i, s := range k.senders {
		eventually.True(t, k.name+": all bodies of requests to be closed", func() bool { return s.bodies.Load() == 0 })
		if text := s.mixed.Load(); text != nil {
			t.Errorf("%s, %s: a response with another one's bytes: %s", k.name, faults[i].Name, *text)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := k.kit.Shutdown(ctx); err != nil {
		t.Errorf("%s: %v", k.name, err)
	}
	eventually.True(t, k.name+": nothing to be in use", func() bool {
		s := k.kit.Stats()
		return s.InUse == 0 && s.Waiting == 0 && s.Open == 0
	})
}

// waitFor waits for all, and fails with the stacks after a while.
func waitFor(t *testing.T, all *sync.WaitGroup, most time.Duration) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(most):
		stacks := make([]byte, 1<<20)
		t.Fatalf("requests hang\n%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// TestAMixedByteIsFound: the checks of TestEveryByteIsItsOwn find each response that has a byte of
// another one.
func TestAMixedByteIsFound(t *testing.T) {
	for _, proto := range []badserver.Proto{badserver.Plain, badserver.TLS, badserver.HTTP2} {
		for _, gzip := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, gzip %v", proto, gzip), func(t *testing.T) {
				s, err := badserver.Start(badserver.Mixed(proto, 3), bytesSeed)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				saw, k := newSights(), &byteKit{}
				k.start([]*badserver.Server{s}, saw)
				for nth := range 60 {
					p := newPlan(bytesSeed, 0, nth, false)
					p.ending, p.gzip = readsAll, gzip
					saw.request("", &p, k.senders[0].send(&p))
				}
				if found, want := saw.mixed(), s.Mixes(); found != want || want < 10 || k.senders[0].mixed.Load() == nil {
					t.Errorf("found %d of %d mixed responses:\n%s", found, want, saw)
				}
				if err := k.kit.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
