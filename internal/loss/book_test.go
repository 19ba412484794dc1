package loss

import (
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// The request of a dial that failed, or whose connection no request used, has nothing to
// say of why it was new. The next dial has.
func TestRefundedLossesAreChargedInTheirOldOrder(t *testing.T) {
	var b Book
	older, newer := &Loss{At: epoch, Reason: ServerClose}, &Loss{At: epoch.Add(1), Reason: BodyUnread}
	b.Add(older)
	b.Add(newer)
	now := epoch.Add(time.Second)
	for _, want := range []*Loss{newer, older} {
		if l, _ := b.Charge(now, now, 0); l != want {
			t.Errorf("charged with %+v, want %+v", l, want)
		}
	}
	b.Refund(newer)
	b.Refund(older)
	b.Refund(nil)
	for _, want := range []*Loss{newer, older, nil} {
		if l, _ := b.Charge(now, now, 0); l != want {
			t.Errorf("then charged with %+v, want %+v", l, want)
		}
	}
}

// A dial is charged with it, the connection comes back, and then the dial fails.
func TestNobodyPaysForAConnectionThatCameBack(t *testing.T) {
	var b Book
	l := &Loss{At: epoch, Reason: BodyUnread, Provisional: true}
	b.Add(l)
	b.Charge(epoch, epoch, 0)
	b.Withdraw(l)
	b.Refund(l)
	if b.Len() != 0 {
		t.Error("it is charged again")
	}
}

// A request that asks while a body is drained is told so, though it is dialed for
// later; one that asks after that is told what came of it.
func TestLossIsDrainingForThoseWhoAskMeanwhile(t *testing.T) {
	l := &Loss{At: epoch, Reason: BodyUnread, Provisional: true, Culprit: Culprit{Span: Span{Flags: 1}}}
	if r := l.ReasonFor(epoch.Add(1)); r != Draining {
		t.Errorf("meanwhile %q, want draining", r)
	}
	l.Settle(ServerClosedIdle, epoch.Add(5))
	for asked, want := range map[time.Duration]Reason{1: Draining, 6: ServerClosedIdle} {
		if r := l.ReasonFor(epoch.Add(asked)); r != want {
			t.Errorf("asked after %d: %q, want %q", asked, r, want)
		}
	}
	if l.Culprit.Flags != 0 {
		t.Error("somebody is blamed for what the server did")
	}
}

func TestOldestLossesAreForgottenFirst(t *testing.T) {
	var b Book
	for i := range Max + 5 {
		b.Add(&Loss{At: epoch.Add(time.Duration(i))})
	}
	if l, _ := b.Charge(epoch.Add(4), epoch.Add(time.Hour), 0); b.Len() != Max || l != nil {
		t.Errorf("%d are kept, among them %+v; want %d, none of the first five", b.Len(), l, Max)
	}
}
