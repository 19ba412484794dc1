package connpool

import (
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/worth"
)

// TestReuseIsWithinTheServersLimit: if the server ends a connection before the next request
// comes, and has shown so, a drain for its sake is worth nothing.
func TestReuseIsWithinTheServersLimit(t *testing.T) {
	const own = 90 * time.Second
	for _, tt := range []struct {
		name  string
		every time.Duration
		ended func(s *serverIdle, at time.Time) // what is seen behind each exchange
		want  func(float64) bool
	}{
		{"not known", time.Minute, func(*serverIdle, time.Time) {}, func(p float64) bool { return p == 1 }},
		{"closed earlier", time.Minute, func(s *serverIdle, at time.Time) {
			s.closedLocked(5*time.Second, false, false, at.Add(5*time.Second))
		}, func(p float64) bool { return p < .1 }},
		{"announced", time.Minute, func(s *serverIdle, at time.Time) { s.showsLocked(5*time.Second, at) }, func(p float64) bool { return p < .1 }},
		{"a restart is no limit", time.Minute, func(s *serverIdle, at time.Time) {
			s.closedLocked(10*time.Millisecond, false, false, at.Add(10*time.Millisecond))
		}, func(p float64) bool { return p == 1 }},
		{"met by requests is none", time.Minute, func(s *serverIdle, at time.Time) {
			s.closedLocked(5*time.Second, false, true, at.Add(5*time.Second))
		}, func(p float64) bool { return p == 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s serverIdle
			if p := reuse(&s, own, tt.every, time.Now(), func(at time.Time) { tt.ended(&s, at) }); !tt.want(p) {
				t.Errorf("reuse %v", p)
			}
		})
	}
}

// TestWhatAServerHasShownIsForgotten once it is outlived, and after a time.
func TestWhatAServerHasShownIsForgotten(t *testing.T) {
	var s serverIdle
	now := time.Now()
	s.closedLocked(2*time.Second, false, false, now)
	if d := s.withinLocked(0, now.Add(shownFor-1)); d != 2*time.Second {
		t.Errorf("within %v before the time is over, want 2s", d)
	}
	if d := s.withinLocked(time.Minute, now.Add(shownFor)); d != time.Minute {
		t.Errorf("within %v after the time is over, want the pool's own minute", d)
	}
	if p := reuse(&s, 0, 10*time.Second, now, func(time.Time) { s.takenLocked(10 * time.Second) }); p < .9 {
		t.Errorf("reuse %v after connections have lived for 10 s, want nearly 1", p)
	}
}

// reuse is the estimate after 20 exchanges, one each interval.
func reuse(s *serverIdle, own, every time.Duration, now time.Time, behind func(at time.Time)) float64 {
	var w worth.Estimator
	for range 20 {
		w.Arrives(false, s.withinLocked(own, now), now)
		w.Ended(now)
		behind(now)
		now = now.Add(every)
	}
	return w.Worth("", true).Reuse
}
