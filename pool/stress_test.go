package pool_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
)

const (
	stressSeed    = 12
	sliceRequests = 2 // of each worker
)

// stressWorkers are how many send at once. Each set-up's server has that many
// connections at first, and these are most of what the small size costs.
func stressWorkers() int { return fullsize.Of(8, 3) }

// play sends the same slice of the plan through every set-up at the same time; so count is called
// by many goroutines at once.
func play(t *testing.T, clients []*client, f badserver.Fault, first int, count func(setUp string, c cell)) {
	t.Helper()
	var all sync.WaitGroup
	for _, c := range clients {
		for worker := range stressWorkers() {
			all.Go(func() {
				for n := range sliceRequests {
					p := newPlan(stressSeed, worker, first+n, f.Uploads)
					time.Sleep(p.pause) // a part of the load: it races with idle time-outs
					class := c.send(&p)
					count(c.name, cell{f.Name, p.op, class})
				}
			})
		}
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(3 * time.Minute):
		stacks := make([]byte, 1<<20)
		t.Fatalf("requests to %s hang\n%s", f.Name, stacks[:runtime.Stack(stacks, true)])
	}
}

// TestStressFailsAsBareNetHTTP: against servers that misbehave, requests fail no more often than
// with bare net/http, and in no other way; and nothing is mixed up, sent twice or left behind. The
// full size is 10^6 requests.
func TestStressFailsAsBareNetHTTP(t *testing.T) {
	slices := fullsize.Of(373, 1)
	setUps := stressSetUps()
	outcomes := make(map[string]tally)
	for _, u := range setUps {
		outcomes[u.name] = make(tally)
	}
	var mu sync.Mutex
	played := 0
	conns := make(map[string]map[string]int)
	before := leftNow()
	t.Run("against", func(t *testing.T) {
		for i, f := range stressFaults() {
			if !fullsize.Asked() && i%2 != 0 { // of each kind there is one that is left
				continue
			}
			t.Run(strings.ReplaceAll(f.Name, " ", "-"), func(t *testing.T) {
				if !fullsize.Asked() {
					t.Parallel() // some servers take a second to hang up
				}
				before := leftNow()
				var clients []*client
				for _, u := range setUps {
					clients = append(clients, newClient(t, u, f))
				}
				for n := range slices {
					mu.Lock()
					played++
					slice := played
					mu.Unlock()
					play(t, clients, f, n*sliceRequests, func(name string, c cell) {
						mu.Lock()
						defer mu.Unlock()
						outcomes[name].add(c, slice, 1)
					})
				}
				accepted := make(map[string]int)
				for _, c := range clients {
					c.check(t)
					c.end(t)
					accepted[c.name] = c.server.Accepted()
				}
				mu.Lock()
				conns[f.Name] = accepted
				mu.Unlock()
				if fullsize.Asked() {
					before.wait(t)
				}
			})
		}
	})
	before.wait(t)
	judge(t, setUps, outcomes, conns)
}

// judge compares the set-ups.
func judge(t *testing.T, setUps []setUp, outcomes map[string]tally, conns map[string]map[string]int) {
	t.Helper()
	var names []string
	var j judgement
	for _, u := range setUps {
		names = append(names, u.name)
		switch sums := outcomes[u.name].summed(); {
		case u.anew:
			j.anew = sums
		case u.wrap == nil:
			j.bares = append(j.bares, sums)
		default:
			j.kits = append(j.kits, column{u, sums})
		}
	}
	t.Logf("the outcomes of the requests\n%s", table(names, outcomes, conns))
	// Findings of the same comparison between bare net/http and itself are noise.
	control := judgement{kits: []column{{setUps[1], j.bares[1]}}, bares: j.bares[:1]}
	control.shares()
	for _, f := range control.wrong {
		t.Logf("bare net/http is not like itself: %s", f.text)
	}
	j.shares()
	j.news()
	for _, f := range j.look {
		t.Log(f.text)
	}
	for _, f := range j.wrong {
		if why := excuse(f); why != "" {
			t.Run("not yet", func(t *testing.T) { t.Skipf("%s: %s", f.text, why) })
			continue
		}
		t.Error(f.text)
	}
}

// check looks at the findings of the set-up's server and bodies.
func (c *client) check(t *testing.T) {
	t.Helper()
	if text := c.mixed.Load(); text != nil {
		t.Errorf("%s: a response with another one's bytes: %s", c.name, *text)
	}
	for _, text := range c.server.Wrong() {
		t.Errorf("%s: a request with another one's bytes: %s", c.name, text)
	}
	for _, op := range []string{opPost, opPostOnce} {
		if n := c.server.Twice(op); n > 0 {
			t.Errorf("%s: %d of %s were handled twice", c.name, n, op)
		}
	}
}

// end closes the set-up and its server, and checks that nothing is left.
func (c *client) end(t *testing.T) {
	t.Helper()
	eventually.True(t, c.name+": all bodies of requests to be closed", func() bool { return c.bodies.Load() == 0 })
	if c.pool != nil {
		eventually.True(t, c.name+": no slot in use", func() bool {
			s := c.pool.Stats()
			return s.InUse == 0 && s.Waiting == 0
		})
	}
	c.sender.client.CloseIdleConnections()
	if c.pool != nil {
		c.pool.Close()
	}
	eventually.True(t, c.name+": the server to have no connection", func() bool {
		if c.pool == nil {
			c.sender.client.CloseIdleConnections() // one whose last stream has ended since
		}
		return c.server.Open() == 0
	})
	if c.pool != nil {
		// What the kernel has connected for it: Close would drop it.
		eventually.True(t, c.name+": the server to have accepted all", func() bool { return c.server.Accepted() >= int(c.pool.Stats().Opened) })
	}
	c.server.Close()
	if c.pool == nil {
		return
	}
	eventually.True(t, c.name+": the pool to have no connection", func() bool { return c.pool.Stats().Open == 0 })
	// Connections whose TLS handshake was broken off count, too: the server has
	// accepted each. Only a dial that is broken off in the moment in which the kernel
	// has connected makes a connection that the client never had.
	s, n := c.pool.Stats(), c.server.Accepted()
	most := 1 // by Close
	if c.waits {
		most = 2 + n/500
	}
	if over := n - int(s.Opened); over < 0 || over > most {
		t.Errorf("%s: Stats has %d connections opened, the server has accepted %d", c.name, s.Opened, n)
	}
}
