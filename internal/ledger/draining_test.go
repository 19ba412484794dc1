package ledger

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDialWaitsForADrainAsLongAsADialCosts(t *testing.T) {
	const cost = 10 * time.Millisecond
	tests := []struct {
		name  string
		ends  time.Duration // when the drain does; 0: never
		whole bool          // its connection comes back
		waits time.Duration
		err   error
		why   Reason
	}{
		{"until the connection is back", 4 * time.Millisecond, true, 4 * time.Millisecond, ErrNotNeeded, ""},
		{"until the drain was in vain", 4 * time.Millisecond, false, 4 * time.Millisecond, nil, Draining},
		{"no longer than a dial costs", 0, false, cost, nil, Draining},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := New(nil, Watched)
				a := asking(l)
				a.Of = by(1)
				c := dial(t, a, 0)
				a.Got(c, false, false, time.Now())
				done := l.Draining(a, cost, func() {})
				b := asking(l)
				if tt.ends > 0 {
					time.AfterFunc(tt.ends, func() {
						if tt.whole {
							a.Put("")
							b.Got(c, true, false, time.Now())
							a.End("", false, time.Now())
						} else {
							a.End(BodyUnread, false, time.Now())
						}
						done()
					})
				}
				began := time.Now()
				d, err := b.admit(0, false)
				if waited := time.Since(began); waited != tt.waits || !errors.Is(err, tt.err) {
					t.Errorf("waited %v, %v; want %v, %v", waited, err, tt.waits, tt.err)
				}
				if err != nil {
					return
				}
				if d.coming.why.reason != tt.why || d.coming.why.culprit.SpanID != a.culprit().SpanID {
					t.Errorf("new for %q, by %v; want %q, by %v", d.coming.why.reason, d.coming.why.culprit.SpanID, tt.why, a.culprit().SpanID)
				}
				d.Done()
			})
		})
	}
}

// TestDrainsAreForAsManyDials: one connection that may come back is no reason
// for two requests to wait.
func TestDrainsAreForAsManyDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		a := asking(l)
		a.Got(dial(t, a, 0), false, false, time.Now())
		defer l.Draining(a, time.Second, func() {})()
		b, c := asking(l), asking(l)
		waits := make(chan error, 1)
		go func() {
			_, err := b.admit(0, false)
			waits <- err
		}()
		synctest.Wait()
		began := time.Now()
		if _, err := c.admit(0, false); err != nil || time.Since(began) > 0 {
			t.Errorf("the second waited %v: %v", time.Since(began), err)
		}
		<-waits
	})
}

// One drain is one connection: of two requests that dial meanwhile the second
// would have dialed anyway, and nobody pays again when it has failed.
func TestDrainIsPaidByOneDial(t *testing.T) {
	for _, cause := range []Reason{"", BodyUnread, Canceled} {
		for _, paid := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				l := New(nil, Watched)
				a := asking(l)
				a.Of = by(1)
				c := dial(t, a, 0)
				a.Got(c, false, false, time.Now())
				done := l.Draining(a, 0, func() {})
				time.Sleep(time.Millisecond) // the bubble's clock
				if paid {
					wantNew(t, l, Draining, 1)
					wantNew(t, l, AllBusy, 0)
				}
				time.Sleep(time.Millisecond)
				if cause == "" {
					a.Put("")
				} else {
					c.line.close()
				}
				a.End(cause, false, time.Now())
				done()
				time.Sleep(time.Millisecond)
				switch {
				case cause == "":
					b := asking(l)
					if g := b.Got(c, true, false, time.Now()); !g.Reused {
						t.Errorf("the connection that came back is new for %q", g.Reason)
					}
				case paid:
					wantNew(t, l, AllBusy, 0)
				default:
					wantNew(t, l, cause, 1)
				}
				l.each(func(h *Host) {
					if h.losses.Len() != 0 {
						t.Errorf("cause %q, paid %v: losses %+v, want none", cause, paid, h.losses)
					}
				})
			})
		}
	}
}
