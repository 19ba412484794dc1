package connpool

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/loss"
)

// lives checks the events that a listener is told of: for each connection they come in the
// order of its life, and each once. Every Pool of these tests has one.
type lives struct {
	mu    sync.Mutex
	of    map[uint64]*life
	wrong []string
}

type life struct {
	line                    string // O a r R C, as they came
	had                     int
	opened, retired, closed bool
}

func (l *lives) listener() (all Life) {
	for e := range lifeEvents {
		all[e] = func(f ConnFacts) { l.told(e, f) }
	}
	return all
}

func (l *lives) told(e LifeEvent, f ConnFacts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = make(map[uint64]*life)
	}
	c := l.of[f.ID]
	if c == nil {
		c = new(life)
		l.of[f.ID] = c
	}
	c.line += string("OarRC"[e])
	ok := f.Up && c.opened && !c.closed
	switch e {
	case Opened:
		ok = f.Up && !c.opened && c.line == "O"
		c.opened = true
	case Acquired:
		ok = ok && !c.retired
		c.had++
	case Released:
		ok = ok && c.had > 0
		c.had--
	case Retired:
		ok = ok && !c.retired && f.Lost != loss.None
		c.retired = true
	case Closed:
		ok = ok && c.retired && c.had == 0 && f.Lost != loss.None
		c.closed = true
	}
	if !ok || f.Streams != c.had {
		l.wrong = append(l.wrong, fmt.Sprintf("connection %d: %s, the last with %d exchanges and %q", f.ID, c.line, f.Streams, f.Lost))
	}
}

// complete fails the test if an event is wrong, or if a life does not come to an end.
func (l *lives) complete(t testing.TB) {
	t.Helper()
	eventually.True(t, "each connection that was told of to be told closed", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, c := range l.of {
			if !c.closed {
				return false
			}
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) > 0 {
		t.Errorf("told in a wrong order (O opened, a acquired, r released, R retired, C closed):\n%s", strings.Join(l.wrong, "\n"))
	}
}

// lines are the lives of the connections, by their ID from 1 on.
func (l *lives) lines() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := uint64(1); int(id) <= len(l.of); id++ {
		if c := l.of[id]; c != nil {
			all = append(all, c.line)
		}
	}
	return all
}

func TestAWrongLifeIsFound(t *testing.T) {
	up := ConnFacts{ID: 1, Up: true, Lost: loss.IdleTimeout}
	had := up
	had.Streams = 1
	for name, f := range map[string]func(l *lives){
		"closed twice":            func(l *lives) { l.told(Opened, up); l.told(Retired, up); l.told(Closed, up); l.told(Closed, up) },
		"acquired unopened":       func(l *lives) { l.told(Acquired, had) },
		"closed while had":        func(l *lives) { l.told(Opened, up); l.told(Acquired, had); l.told(Retired, had); l.told(Closed, had) },
		"acquired after it ended": func(l *lives) { l.told(Opened, up); l.told(Retired, up); l.told(Acquired, had) },
		"released unhad":          func(l *lives) { l.told(Opened, up); l.told(Released, up) },
	} {
		l := new(lives)
		f(l)
		if len(l.wrong) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

// TestWhatIsStillBeingSentOnIsToldRetiredBeforeItIsClosed: the connection waits for an upload
// that goes on after its exchange, as if it were idle.
func TestWhatIsStillBeingSentOnIsToldRetiredBeforeItIsClosed(t *testing.T) {
	u := newUploads(t, nil)
	told := new(lives)
	p := newPool(t, u.base, Options{MaxUses: 1, Life: told.listener()})
	rest := u.begin(t, rt{p: p}, nil)
	want := func(line string) {
		t.Helper()
		eventually.True(t, "the connection's life to be "+line, func() bool { return strings.Join(told.lines(), " ") == line })
	}
	want("OarR")
	if all := p.Conns(); len(all) != 1 || all[0].State != "idle" || all[0].Lost != loss.MaxRequests || !all[0].RetireAt.IsZero() && all[0].RetireWhy == "" {
		t.Errorf("listed as %+v, want one that is idle and lost by max_requests", all)
	}
	u.end(t, rest)
	u.gone(t, p)
	want("OarRC")
	told.complete(t)
}

// TestADialThatFailsIsNotTold: not even one that had a socket.
func TestADialThatFailsIsNotTold(t *testing.T) {
	s, base := serve(t, "tls", hello)
	base.TLSClientConfig = nil // so that the server's certificate is not trusted
	told := new(lives)
	p := newPool(t, base, Options{Life: told.listener()})
	if _, err := fetch(rt{p: p}, s.URL); err == nil {
		t.Fatal("no error")
	}
	settles(t, p)
	if p.ledger.Totals().Tally().Opened != 1 {
		t.Error("it had no socket")
	}
	if lines := told.lines(); len(lines) > 0 {
		t.Errorf("told %q", lines)
	}
}

// TestWhatOneHostsConnectionsDoIsToldInOrder: a connection that takes another's place is told
// of after that. The first func keeps the queue waiting, so that all events come at once.
func TestWhatOneHostsConnectionsDoIsToldInOrder(t *testing.T) {
	s, base := serve(t, "http", hello)
	var mu sync.Mutex
	var order []uint64
	goOn := make(chan struct{})
	var life Life
	life[Opened] = func(f ConnFacts) { <-goOn; mu.Lock(); order = append(order, f.ID); mu.Unlock() }
	p := newPool(t, base, Options{MaxUses: 1, Life: life})
	const n = 5
	for range n {
		must(t, rt{p: p}, s.URL) // though the listener blocks
	}
	close(goOn)
	eventually.True(t, "all to be told", func() bool { mu.Lock(); defer mu.Unlock(); return len(order) == n })
	for i, id := range order {
		if id != uint64(i+1) {
			t.Errorf("opened in the order %v", order)
			break
		}
	}
}

func TestAListenerThatIsNotThereCostsNothing(t *testing.T) {
	c := &Conn{host: &Host{pool: new(Pool)}}
	c.host.pool.opts.Life[Closed] = func(ConnFacts) {}
	if n := testing.AllocsPerRun(1000, func() { c.acquiredLocked(0); c.releasedLocked() }); n > 0 || len(c.host.life.events) > 0 {
		t.Errorf("%v allocations, %d events", n, len(c.host.life.events))
	}
}
