package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestNothingIsRefusedWithoutABasis(t *testing.T) {
	for _, v := range []struct {
		name     string
		before   int // requests that ended
		patience time.Duration
		refused  bool
	}{
		{"no history", 0, time.Millisecond, false},
		{"too little", basisLeast - 1, time.Millisecond, false},
		{"no deadline", basisLeast, 0, false},
		{"time enough", basisLeast, 21 * time.Millisecond, false},
		{"hopeless", basisLeast, 19 * time.Millisecond, true},
	} {
		t.Run(v.name, func(t *testing.T) {
			var arrivals []arrival
			for i := range v.before {
				arrivals = append(arrivals, arrival{at: time.Duration(i) * time.Second, hold: meanHold})
			}
			at := time.Duration(v.before) * time.Second
			arrivals = append(arrivals, arrival{at: at, hold: meanHold}, arrival{at: at + 1, hold: meanHold, patience: v.patience})
			outcomes := simulate(t, Options{MaxPerHost: 1, RefuseHopeless: true}, arrivals).outcomes
			if o := outcomes[len(outcomes)-1]; o.refused() != v.refused {
				t.Errorf("got %v; refused at once: want %v", o.err, v.refused)
			} else if v.refused && o.predicted().Round(time.Millisecond) != meanHold {
				t.Errorf("predicted %v, want %v", o.predicted(), meanHold)
			}
		})
	}
}

// TestHungRequestsSlowThePrediction: three of four slots hang, so the waiters of
// the fourth wait four times as long.
func TestHungRequestsSlowThePrediction(t *testing.T) {
	hung := arrival{hold: time.Hour}
	arrivals := []arrival{hung, hung, hung}
	const n = 200
	for i := range n {
		arrivals = append(arrivals, arrival{at: time.Duration(i)*meanHold + 1, hold: meanHold})
	}
	// The last request is followed at once by one that can't wait.
	arrivals = append(arrivals, arrival{at: (n-1)*meanHold + 2, hold: meanHold, patience: 1})
	outcomes := simulate(t, Options{MaxPerHost: 4, RefuseHopeless: true}, arrivals).outcomes
	if got := outcomes[len(outcomes)-1].predicted(); got < meanHold*19/20 || got > meanHold*21/20 {
		t.Errorf("predicted %v while three of four slots hang, want about %v", got, meanHold)
	}
}

// TestStreamsDoNotSpoilThePrediction: three slots are held for an hour while the fourth is mostly
// idle. That does not show how fast a full queue moves.
func TestStreamsDoNotSpoilThePrediction(t *testing.T) {
	const n = 100
	var arrivals []arrival
	for i := range n { // all slots in use, so that there is a basis
		arrivals = append(arrivals, arrival{at: time.Duration(i) * meanHold / 4, hold: meanHold})
	}
	for i := range 3 {
		arrivals = append(arrivals, arrival{at: time.Minute + time.Duration(i), hold: time.Hour})
	}
	for i := range n {
		arrivals = append(arrivals, arrival{at: 2*time.Minute + time.Duration(i)*30*time.Second, hold: meanHold})
	}
	for i := range 4 {
		arrivals = append(arrivals, arrival{at: 2*time.Hour + time.Duration(i), hold: meanHold})
	}
	arrivals = append(arrivals, arrival{at: 2*time.Hour + 4, hold: meanHold, patience: 2 * meanHold})
	outcomes := simulate(t, Options{MaxPerHost: 4, RefuseHopeless: true}, arrivals).outcomes
	if err := outcomes[len(outcomes)-1].err; err != nil {
		t.Errorf("a request that would have waited for one slot of four: %v", err)
	}
}

func TestTotalQueuePredictsToo(t *testing.T) {
	var arrivals []arrival
	for i := range basisLeast {
		arrivals = append(arrivals, arrival{at: time.Duration(i) * time.Second, hold: meanHold})
	}
	at := basisLeast * time.Second
	arrivals = append(arrivals, arrival{at: at, hold: meanHold}, arrival{at: at + 1, patience: meanHold / 2})
	outcomes := simulate(t, Options{MaxTotal: 1, RefuseHopeless: true}, arrivals).outcomes
	if o := outcomes[len(outcomes)-1]; !o.refused() {
		t.Errorf("got %v, want a refusal at once", o.err)
	}
}

func TestEndedContextIsNotCalledHopeless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{MaxPerHost: 1, RefuseHopeless: true})
		for range basisLeast + 1 {
			h, _, err := p.acquire(t.Context(), acquisition{}, simulated, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(meanHold)
			p.release(h, nil)
		}
		h, _, err := p.acquire(t.Context(), acquisition{}, simulated, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(2 * time.Second)
		if _, _, err := p.acquire(ctx, acquisition{}, simulated, "", nil); err != context.DeadlineExceeded {
			t.Errorf("got %v, want the context's error", err)
		}
		p.release(h, nil)
	})
}

// TestBothQueuesOfAHostKeepTheirOrder: at the same time, requests of the host wait in its own
// queue and in the one for MaxTotal.
func TestBothQueuesOfAHostKeepTheirOrder(t *testing.T) {
	outcomes := simulate(t, Options{MaxPerHost: 3, MaxTotal: 1}, pairs(0, 40, meanHold)).outcomes
	for i, o := range outcomes {
		if !o.served() || i > 0 && o.began <= outcomes[i-1].began {
			t.Fatalf("request %d: %+v", i, o)
		}
	}
}

// TestRefusalsFindThatNothingMoves: where no request waits, a refused one has to start the
// collector, or leaked bodies would hold their slots for ever.
func TestRefusalsFindThatNothingMoves(t *testing.T) {
	for _, v := range []struct {
		name  string
		rules rules
		want  error
	}{
		{"hopeless", rules{limit: 1, predict: true}, ErrWaitTimeout},
		{"full", rules{limit: 1, maxWaiting: -1}, ErrQueueFull},
	} {
		t.Run(v.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				q := queue{rules: v.rules}
				q.stalled = func(time.Time) { asked++ }
				var in flow
				try := func() error {
					_, err := q.acquire(t.Context(), &in, &acquisition{timeout: time.Millisecond})
					return err
				}
				for range basisLeast {
					if err := try(); err != nil {
						t.Fatal(err)
					}
					time.Sleep(meanHold)
					q.release(nil)
				}
				if err := try(); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if asked != 0 {
						t.Error("asked for the collector at once")
					}
					if err := try(); !errors.Is(err, v.want) {
						t.Errorf("got %v, want %v", err, v.want)
					}
					time.Sleep(stallStep)
				}
				try()
				if asked == 0 {
					t.Error("nothing has moved, and the collector was not started")
				}
			})
		})
	}
}
