package stack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// queued is a reaper whose workers are never free, with leaks of these hosts.
func queued(hosts ...string) *reaper {
	p := &reaper{workers: reapers}
	for _, h := range hosts {
		p.add(&Exchange{request: request{target: newTarget(ledger.Key{Host: h})}})
	}
	return p
}

func TestHostsTakeTurnsWithTheirLeaks(t *testing.T) {
	p := queued("evil", "evil", "evil", "good", "other", "good")
	var order []string
	for len(p.turns) > 0 {
		f, r := p.nextLocked()
		if f.key != r.request.target.Key {
			t.Fatalf("a leak of %v in the queue of %v", r.request.target.Key, f.key)
		}
		order = append(order, f.key.Host)
		p.reapedLocked(f, OutcomeDrained, false)
	}
	if want := []string{"evil", "good", "other", "evil", "good", "evil"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if len(p.hosts) != 0 {
		t.Errorf("%d hosts are remembered without a leak", len(p.hosts))
	}
}

func TestAHostWhoseLeaksHangGetsLessTime(t *testing.T) {
	p := queued(slices.Repeat([]string{"evil"}, 12)...)
	reap := func(out Outcome, want time.Duration) {
		t.Helper()
		if got := p.limitLocked(); got != want {
			t.Errorf("%v for a leak behind %d that hung, want %v", got, p.turns[0].hung, want)
		}
		f, _ := p.nextLocked()
		p.reapedLocked(f, out, out == OutcomeTimedOut)
	}
	for d := LeakTime; d >= time.Millisecond; d /= 2 {
		reap(OutcomeTimedOut, d)
	}
	reap(OutcomeSkipped, 0) // the buffered part of a body is read all the same
	reap(OutcomeDrained, 0) // and may be all of it
	reap(OutcomeTimedOut, LeakTime)
	reap(OutcomeGaveUp, LeakTime/2)
	reap(OutcomeTimedOut, LeakTime/2)
	reap(OutcomeTimedOut, LeakTime/4)
	// These were all leaks of the host, which is forgotten: the next one finds a new flow.
	p.add(&Exchange{request: request{target: newTarget(ledger.Key{Host: "evil"})}})
	reap(OutcomeTimedOut, LeakTime)
}

func TestManyHostsWithLeaksGetLessTimeEach(t *testing.T) {
	for n, want := range map[int]time.Duration{1: LeakTime, 8: LeakTime, 16: LeakTime / 2, 400: time.Millisecond, 500: 0} {
		hosts := make([]string, n)
		for i := range hosts {
			hosts[i] = fmt.Sprint(i)
		}
		if got := queued(hosts...).limitLocked(); got != want {
			t.Errorf("%v for each of %d hosts, want %v", got, n, want)
		}
	}
}
