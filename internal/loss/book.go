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
// drained in the background; Settle says what came of it.
package loss

import (
	"slices"
	"time"
)

// Loss is one connection that is gone, and why.
type Loss struct {
	At      time.Time
	Reason  Reason
	Culprit Culprit
	// Provisional: the body is still drained in the background. The connection
	// comes back, or it is closed.
	Provisional bool

	settled time.Time // when it was no longer provisional
	state   state
}

// state is where a loss stands. Book.move is the only way along an edge.
type state uint8

const (
	fresh     state = iota // in no book yet
	booked                 // no dial was charged with it
	charged                // to a dial
	dropped                // too old, or one of too many
	withdrawn              // the connection came back after all

	states
)

func (s state) String() string {
	return [...]string{"new", "booked", "charged", "dropped", "withdrawn"}[s]
}

// edges are the ways that a loss may take.
var edges = [states][states]bool{
	fresh:   {booked: true},
	booked:  {charged: true, dropped: true, withdrawn: true},
	charged: {booked: true, withdrawn: true},
	dropped: {withdrawn: true},
}

// Max bounds a book. Older losses are forgotten first.
const Max = 16

// Book holds the losses of one host that no dial was charged with yet, oldest
// first. The host's lock guards it. Its zero value is empty.
type Book struct {
	open   []*Loss
	onEdge func(from, to state) // a test's
}

func (b *Book) move(l *Loss, to state) {
	if b.onEdge != nil {
		b.onEdge(l.state, to)
	}
	l.state = to
}

// Add writes a loss down.
func (b *Book) Add(l *Loss) {
	b.move(l, booked)
	if len(b.open) == Max {
		b.drop()
	}
	b.open = append(b.open, l)
}

// drop forgets the oldest.
func (b *Book) drop() {
	b.move(b.open[0], dropped)
	b.open = slices.Delete(b.open, 0, 1)
}

// Charge takes out the most recent loss that was known when the request asked.
// Losses older than the idle time-out are dropped, for those connections would
// not be here anyway; expired says that there were such. A time-out of 0 drops
// none.
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

// Refund puts what a dial was charged with back in its place: the dial failed, or
// its connection was never used. It does nothing for nil, and for a loss that was
// withdrawn meanwhile.
func (b *Book) Refund(l *Loss) {
	if l == nil || l.state != charged {
		return
	}
	b.Add(l)
	slices.SortStableFunc(b.open, func(a, c *Loss) int { return a.At.Compare(c.At) })
}

// Withdraw takes a loss back: the connection came back after all. A dial may
// have been charged with it.
func (b *Book) Withdraw(l *Loss) {
	if l.state == withdrawn {
		return
	}
	b.move(l, withdrawn)
	if i := slices.Index(b.open, l); i >= 0 {
		b.open = slices.Delete(b.open, i, i+1)
	}
}

// Settle notes that l is no longer provisional, and what it came to.
func (l *Loss) Settle(reason Reason, now time.Time) {
	l.Reason = reason
	if !reason.Blames() {
		l.Culprit = Culprit{}
	}
	if l.Provisional {
		l.Provisional, l.settled = false, now
	}
}

// ReasonFor is the word for a request that asked at that moment and is charged
// with l: while l was provisional the connection was being drained.
func (l *Loss) ReasonFor(asked time.Time) Reason {
	if l.Provisional || asked.Before(l.settled) {
		return Draining
	}
	return l.Reason
}

// Len is how many losses wait for a dial.
func (b *Book) Len() int { return len(b.open) }
