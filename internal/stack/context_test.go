package stack

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func bareRecord(parent context.Context) (*Exchange, context.Context) {
	r := &Exchange{pipe: new(pipeline), request: request{ctx: parent}}
	return r, (*exchangeCtx)(r)
}

func isDone(c context.Context) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// Code that looks at the context that goes down sees, at any time, one that ends once: with
// the caller's, or when the exchange ends it.
func TestContextEndsWhoeverLooksFirst(t *testing.T) {
	cause := errors.New("the caller's cause")
	ends := map[string]func(*Exchange, context.CancelCauseFunc){
		"the exchange": func(r *Exchange, _ context.CancelCauseFunc) { r.cancel() },
		"the caller":   func(_ *Exchange, stop context.CancelCauseFunc) { stop(cause) },
	}
	for name, end := range ends {
		for _, looks := range []string{"before", "after", "never"} {
			t.Run(name+"/"+looks, func(t *testing.T) {
				parent, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				r, c := bareRecord(parent)
				if c.Err() != nil {
					t.Fatalf("ended before: %v", c.Err())
				}
				if looks == "before" && isDone(c) {
					t.Fatal("done before the end")
				}
				end(r, stop)
				if c.Err() != context.Canceled {
					t.Errorf("error %v after the end", c.Err())
				}
				if want := map[string]error{"the exchange": context.Canceled, "the caller": cause}[name]; context.Cause(c) != want {
					t.Errorf("cause %v, want %v", context.Cause(c), want)
				}
				if looks != "never" && !isDone(c) {
					t.Error("not done after the end")
				}
				r.cancel() // twice does no harm
			})
		}
	}
}

// A context that is derived from it ends with it, and costs no goroutine.
func TestContextsBelowEndWithIt(t *testing.T) {
	r, c := bareRecord(context.Background())
	below, stop := context.WithTimeout(context.WithValue(c, key{}, 1), time.Hour)
	defer stop()
	called := make(chan struct{})
	context.AfterFunc(c, func() { close(called) })
	r.cancel()
	<-called
	if !isDone(below) || below.Err() != context.Canceled {
		t.Errorf("below: %v", below.Err())
	}
}

type key struct{}

// Looking, ending and deriving at once.
func TestContextIsLookedForWhileItEnds(t *testing.T) {
	for range 2000 {
		r, c := bareRecord(context.Background())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { <-c.Done() })
		}
		wg.Go(r.cancel)
		wg.Go(func() {
			below, stop := context.WithCancel(c)
			defer stop()
			<-below.Done()
		})
		wg.Wait()
		if c.Err() != context.Canceled {
			t.Fatal(c.Err())
		}
	}
}

// An error that Err has returned once stays: the caller's deadline may come after the end.
func TestErrorOfAContextStays(t *testing.T) {
	parent, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	r, c := bareRecord(parent)
	r.cancel()
	first := c.Err()
	<-parent.Done()
	if c.Err() != first || context.Cause(c) != first {
		t.Errorf("error %v, cause %v after %v", c.Err(), context.Cause(c), first)
	}
}

// It also stays while another goroutine makes the context that can be cancelled.
func TestErrorOfAContextStaysWhileItIsMade(t *testing.T) {
	for range 20_000 {
		r, c := bareRecord(context.Background())
		looks := make(chan struct{})
		go func() {
			defer close(looks)
			c.Done()
		}()
		r.cancel()
		for range 50 {
			if c.Err() == nil {
				t.Fatal("no error after the end")
			}
		}
		<-looks
	}
}
