package ledger

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLossExpiresWithTheIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		l.idleTimeout = time.Minute
		losing(l, BodyUnread)
		time.Sleep(2 * time.Minute) // the bubble's clock
		wantNew(t, l, IdleTimeout, 0)
	})
}

func TestMostRecentLossIsChargedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		losing(l, ServerClose, BodyUnread)
		wantNew(t, l, BodyUnread, 2)
		wantNew(t, l, ServerClose, 1)
		wantNew(t, l, AllBusy, 0)
	})
}

// If a connection was ended for its age, or by a call of CloseIdleConnections, the exchange
// that had it is no culprit. An exchange that put back one connection too many is one: it is
// a place to look at.
func TestLossByAgeOrCallBlamesNobody(t *testing.T) {
	for cause, blamed := range map[Reason]bool{
		ClosedIdle: false, MaxAge: false,
		IdleLimit: true, BodyUnread: true, BodyLeaked: true, Canceled: true, Timeout: true, ServerClose: true, ClientClose: true,
		EarlyResponse: true, ConnError: true, Upgraded: true, Unknown: true,
	} {
		l := New(nil)
		losing(l, cause)
		var culprit byte
		if blamed {
			culprit = 1
		}
		wantNew(t, l, cause, culprit)
	}
}
