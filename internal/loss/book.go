// Package loss is the vocabulary of lost connections, and the book in which a
// host's losses wait until a dial is charged with one.
//
//	      Add              Charge
//	new ────────▶ booked ─────────▶ charged, to a dial
//	               │ │ ▲              │  │
//	               │ │ ╰── Refund ────╯  │  Refund: the dial failed, or no request
//	       too old │ │                   │  needed its connection
//	               ▼ ╰────── Withdraw ───┤
//	            dropped ──── Withdraw ───┴─▶ withdrawn: the connection came back after all
//
// A loss is provisional while the body that cost the connection is still being
// drained in the background; Settle gives it the drain's result.
package loss

import (
	"slices"
	"time"
)

// Loss is one connection that is gone, and the reason.
type Loss struct {
	At      time.Time
	Reason  Reason
	Culprit Culprit
	// Provisional: the body is still drained in the background. Then the connection is
	// put back, or closed.
	Provisional bool

	settled time.Time // when it ceased to be provisional
	state   state
}

// state is a loss's place in the picture above. Book.move is the only function that takes
// an edge.
type state uint8

const (
	fresh     state = iota // in no book yet
	booked                 // no dial was charged with it
	charged                // to a dial
	dropped                // too old, or the oldest in a full book
	withdrawn              // the connection came back after all

	states
)

func (s state) String() string {
	return [...]string{"new", "booked", "charged", "dropped", "withdrawn"}[s]
}

// edges are the changes of state that there may be.
var edges = [states][states]bool{
	fresh:   {booked: true},
	booked:  {charged: true, dropped: true, withdrawn: true},
	charged: {booked: true, withdrawn: true},
	dropped: {withdrawn: true},
}

// Max bounds the losses in a book. The oldest is dropped first.
const Max = 16

// Book holds the losses of one host that no dial was charged with yet, oldest
// first. The host's lock guards it. Its zero value is empty.
type Book struct {
	open   []*Loss
	onEdge func(from, to state) // for a test
}

func (b *Book) move(l *Loss, to state) {
	if b.onEdge != nil {
		b.onEdge(l.state, to)
	}
	l.state = to
}

// Add enters a loss.
func (b *Book) Add(l *Loss) {
	b.move(l, booked)
	if len(b.open) == Max {
		b.drop()
	}
	b.open = append(b.open, l)
}

// drop forgets the oldest loss.
func (b *Book) drop() {
	b.move(b.open[0], dropped)
	b.open = slices.Delete(b.open, 0, 1)
}

// Charge takes out the most recent loss before asked, the time at which a request asked
// for a connection. Losses older than the idle time-out are dropped first, for their
// connections would be closed by now anyway; expired reports whether there were any. A
// time-out of 0 drops none.
func (b *Book) Charge(asked, now time.Time, timeout time.Duration) (_ *Loss, expired bool) {
	for timeout > 0 && len(b.open) > 0 && now.Sub(b.open[0].At) > timeout {
		b.drop()
		expired = true
	}
	for i := len(b.open) - 1; i >= 0; i-- {
		if l := b.open[i]; !l.At.After(asked) {
			b.move(l, charged)
			b.open = slices.Delete(b.open, i, i+1)
			return l, expired
		}
	}
	return nil, expired
}

// Refund puts a loss that a dial was charged with back in its place: the dial failed, or
// its connection was never used. It does nothing for nil, nor for a loss that was
// withdrawn meanwhile.
func (b *Book) Refund(l *Loss) {
	if l == nil || l.state != charged {
		return
	}
	b.Add(l)
	slices.SortStableFunc(b.open, func(a, c *Loss) int { return a.At.Compare(c.At) })
}

// Withdraw ends a loss whose connection came back after all, also if a dial was charged
// with it.
func (b *Book) Withdraw(l *Loss) {
	if l.state == withdrawn {
		return
	}
	b.move(l, withdrawn)
	if i := slices.Index(b.open, l); i >= 0 {
		b.open = slices.Delete(b.open, i, i+1)
	}
}

// Settle gives l its final reason. It is provisional no longer.
func (l *Loss) Settle(reason Reason, now time.Time) {
	l.Reason = reason
	if !reason.Blames() {
		l.Culprit = Culprit{}
	}
	if l.Provisional {
		l.Provisional, l.settled = false, now
	}
}

// ReasonFor returns the reason for a request that asked at the given time and is charged
// with l: while l was provisional the connection was being drained.
func (l *Loss) ReasonFor(asked time.Time) Reason {
	if l.Provisional || asked.Before(l.settled) {
		return Draining
	}
	return l.Reason
}

// Len returns how many losses wait for a dial.
func (b *Book) Len() int { return len(b.open) }
