package roundtrippertest

import (
	"context"
	"fmt"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"time"
)

// testCase is one sentence of the contract, and the function that tries to catch a middleware
// which breaks it.
type testCase struct {
	name string
	rule string // the sentence, after its source
	f    func(*probe)
}

// suite is one run of the cases over one middleware.
type suite struct {
	mw    func(http.RoundTripper) http.RoundTripper
	limit func(testCase) time.Duration
	label string // on every goroutine of the run
	hung  int
}

// failure is a case that the middleware did not pass.
type failure struct {
	testCase
	seen []string
}

func (f *failure) String() string {
	return fmt.Sprintf("%s\n\tThe rule: %s", strings.Join(f.seen, "\n"), f.rule)
}

// runs counts the suites: their labels tell suites apart that run at the same time.
var runs atomic.Int64

func newSuite(mw func(http.RoundTripper) http.RoundTripper, limit func(testCase) time.Duration) *suite {
	return &suite{mw: mw, limit: limit, label: fmt.Sprint("run ", runs.Add(1))}
}

// check returns those of the cases that mw does not pass. Each has its limit of time.
func check(mw func(http.RoundTripper) http.RoundTripper, cases []testCase, limit func(testCase) time.Duration) (found []*failure) {
	s := newSuite(mw, limit)
	for _, c := range cases {
		if s.hung >= maxHung {
			break
		}
		if f := s.run(c); f != nil {
			found = append(found, f)
		}
	}
	return found
}

// run gives c a goroutine of its own, so that a middleware that hangs costs its
// limit and not the test.
func (s *suite) run(c testCase) *failure {
	limit := s.limit(c)
	p := &probe{suite: s, limit: limit}
	done := make(chan struct{})
	// Goroutines inherit labels: the ones that are left can be told from other
	// tests' that run at the same time.
	pprof.Do(context.Background(), pprof.Labels(labelKey, s.label), func(context.Context) {
		go func() {
			defer close(done)
			defer p.recover()
			c.f(p)
		}()
	})
	if !wait(done, limit) {
		s.hung++
		p.giveUp()
	}
	// Ends servers, contexts and bodies, and with them most calls that hang.
	released := make(chan struct{})
	go func() {
		defer close(released)
		p.release()
	}()
	stuck := !wait(released, limit/2) || !wait(done, limit/2)
	seen := p.end()
	if stuck {
		seen = append(seen, "it still hangs after the servers were closed and the contexts cancelled")
	}
	if len(seen) == 0 {
		return nil
	}
	return &failure{c, seen}
}

// wait reports whether done is closed within d.
func wait(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}
