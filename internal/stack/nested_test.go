package stack

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/ledger"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// last copies the facts at the end, as pool does for a leak.
type last struct {
	r *Exchange
	f Facts
}

func (*last) Phase() Phase                       { return Observe }
func (*last) Describe(ledger.Watch) string       { return "last" }
func (l *last) End(r *Exchange, _ any, f *Facts) { l.r, l.f = r, *f }

// queue lets an exchange begin when it is told to, as a queue does.
type queue struct{ came, open chan struct{} }

func (q *queue) Begin(*Exchange) (any, error) {
	q.came <- struct{}{}
	<-q.open
	return nil, nil
}
func (*queue) Phase() Phase                 { return Observe }
func (*queue) Describe(ledger.Watch) string { return "queue" }

// A middleware sends two requests for one, and gives up while one of them waits for
// a slot of a pool below.
func TestFinalDoesNotChangeWhenAnInnerExchangeBeginsLate(t *testing.T) {
	q := &queue{make(chan struct{}), make(chan struct{})}
	sent, answer := make(chan struct{}, 2), make(chan struct{})
	inner := New(roundTripper(func(req *http.Request) (*http.Response, error) {
		sent <- struct{}{}
		<-answer
		return nil, errors.New("too late")
	}), q)
	var all sync.WaitGroup
	l := new(last)
	rt := New(roundTripper(func(req *http.Request) (*http.Response, error) {
		for range 2 {
			all.Go(func() {
				if _, err := inner.RoundTrip(req); err == nil {
					t.Error("an inner exchange did not fail")
				}
			})
			<-q.came
		}
		q.open <- struct{}{}
		<-sent
		return nil, errors.New("given up")
	}), l)
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	if _, err := rt.RoundTrip(req); err == nil {
		t.Error("the outer exchange did not fail")
	}
	q.open <- struct{}{}
	<-sent
	if f := l.r.Facts(); f != l.f {
		t.Errorf("at the end: %+v; later: %+v", l.f, f)
	}
	close(answer)
	all.Wait()
}
