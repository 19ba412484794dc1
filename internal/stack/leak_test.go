package stack

import (
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stub"
)

// tally counts the ends by outcome.
type tally struct {
	mu sync.Mutex
	n  map[Outcome]int
}

func (*tally) Phase() Phase                 { return Observe }
func (*tally) Describe(ledger.Watch) string { return "tally" }

func (a *tally) End(r *Exchange, _ any, _ *Facts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n[r.Facts().Outcome]++
}

func (a *tally) of(o Outcome) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n[o]
}

// collect collects until n bodies were found dropped.
func (a *tally) collect(n int) {
	for deadline := time.Now().Add(10 * time.Second); a.of(OutcomeLeaked) < n && time.Now().Before(deadline); {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}

// Bodies use one sentinel after another: no body may be taken for another one.
func TestDroppedBodiesAreFoundAmongThoseThatEnd(t *testing.T) {
	const workers, rounds = 4, 200
	ends := &tally{n: make(map[Outcome]int)}
	rt := New(stub.Transport{}, ends)
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	send := func() *http.Response {
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Error(err)
		}
		return resp
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			var kept []*http.Response
			for i := range rounds {
				io.Copy(io.Discard, send().Body) // and not closed
				send().Body.Close()
				body := send().Body
				io.Copy(io.Discard, body)
				body.Close()
				send() // dropped
				// Read to its end and closed at once.
				body = send().Body
				var both sync.WaitGroup
				both.Go(func() { io.Copy(io.Discard, body) })
				body.Close()
				both.Wait()
				kept = append(kept, send())
				if i%50 == 0 {
					runtime.GC()
				}
			}
			for _, resp := range kept {
				if text, err := io.ReadAll(resp.Body); err != nil || len(text) == 0 {
					t.Errorf("read %q, %v from a body that was kept", text, err)
				}
			}
		})
	}
	all.Wait()
	const n = workers * rounds
	ends.collect(n)
	if got := ends.of(OutcomeLeaked); got != n {
		t.Errorf("%d bodies found dropped, want %d", got, n)
	}
	// In a race, either of the two may come first.
	if got := ends.of(OutcomeEOF) + ends.of(OutcomeClosed); got != 5*n {
		t.Errorf("%d other ends, want %d: %v", got, 5*n, ends.n)
	}
}

func TestASentinelThatLiesAsideHoldsNoExchange(t *testing.T) {
	rt := New(stub.Transport{}, &tally{n: make(map[Outcome]int)})
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body := resp.Body.(*Body)
	s := body.sentinel.Load()
	if s.watched.Load() != body.exchange {
		t.Error("the sentinel of an open body does not know its exchange")
	}
	body.Close()
	if s.watched.Load() != nil || body.sentinel.Load() != nil {
		t.Error("the sentinel was not laid aside")
	}
}

type panicking struct{ io.Reader }

func (panicking) Close() error { panic("close") }

func TestAnExchangeEndsThoughTheCloseOfItsBodyPanics(t *testing.T) {
	ends := &tally{n: make(map[Outcome]int)}
	rt := New(roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ProtoMajor: 1, Body: panicking{http.NoBody}}, nil
	}), ends)
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if v := recover(); v != "close" {
				t.Errorf("Close panicked with %v, want what the body's did", v)
			}
		}()
		resp.Body.Close()
	}()
	if ends.of(OutcomeClosed) != 1 {
		t.Errorf("ends %v, want one: closed", ends.n)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
