package roundtripper

import (
	"log/slog"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// event is something to be logged: a leak, a refusal of one class, or a connection lost for
// one reason.
type event uint8

const (
	leaked event = iota
	queueFull
	waitTimeout
	shed
	deadlocked
	closed
	otherwise // refused for another error: a deadline
	lost      // and the reason: the last ones

	events = int(lost) + int(loss.Reasons)
)

// refusal is the event of a class of errors.
func refusal(class string) event {
	switch class {
	case "pool_queue_full":
		return queueFull
	case "pool_wait_timeout":
		return waitTimeout
	case "pool_shed":
		return shed
	case "pool_deadlock":
		return deadlocked
	case "pool_closed":
		return closed
	}
	return otherwise
}

// isLoss reports whether a connection was new because another one was lost.
func isLoss(r ledger.Reason) bool {
	return r != ledger.None && r != ledger.First && r != ledger.AllBusy
}

func (e event) message() string {
	switch {
	case e == leaked:
		return "response body never closed"
	case e < lost:
		return "request refused"
	}
	return "connection lost"
}

func (e event) level() slog.Level {
	if e < lost {
		return slog.LevelWarn
	}
	switch ledger.Reason(e - lost) {
	case ledger.MaxAge, ledger.MaxRequests, ledger.IdleLimit, ledger.IdleTimeout, ledger.ClosedIdle, ledger.ClientClose, ledger.KeepAlivesOff, ledger.Upgraded:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

const (
	// logEvery is how long one line speaks for all that are like it.
	logEvery = 10 * time.Second
	// turnsMost is how many hosts and events are told apart.
	turnsMost = 64
	// sweepEvery is how often, at most, the turns of a full table are looked through.
	sweepEvery = time.Second
)

// turns bounds how much is logged, and what is kept for that. Its zero value has none.
type turns struct {
	mu     sync.Mutex
	byHost map[eventAt]*turn
	swept  time.Time
	others [events]turn // those of hosts for which there is no room
}

type eventAt struct {
	event event
	host  ledger.Key
}

type turn struct {
	next       time.Time // when the next line may be logged
	suppressed uint64    // how many were not since the last one
}

// take reports whether the event may be logged, and how many like it were not.
func (ts *turns) take(e event, host ledger.Key, now time.Time) (suppressed uint64, ok bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.turnLocked(eventAt{e, host}, now)
	if now.Before(t.next) {
		t.suppressed++
		return 0, false
	}
	suppressed = t.suppressed
	*t = turn{next: now.Add(logEvery)}
	return suppressed, true
}

func (ts *turns) turnLocked(at eventAt, now time.Time) *turn {
	if t := ts.byHost[at]; t != nil {
		return t
	}
	if len(ts.byHost) >= turnsMost && now.Sub(ts.swept) >= sweepEvery {
		ts.sweepLocked(now)
	}
	if len(ts.byHost) >= turnsMost {
		return &ts.others[at.event]
	}
	if ts.byHost == nil {
		ts.byHost = make(map[eventAt]*turn)
	}
	t := new(turn)
	ts.byHost[at] = t
	return t
}

// sweepLocked makes room for hosts. What was not logged of those that go is told with the
// next of the others.
func (ts *turns) sweepLocked(now time.Time) {
	ts.swept = now
	for at, t := range ts.byHost {
		if !now.Before(t.next) {
			ts.others[at.event].suppressed += t.suppressed
			delete(ts.byHost, at)
		}
	}
}
