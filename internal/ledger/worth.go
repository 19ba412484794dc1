package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/worth"
)

// Worth returns the estimates of the exchange's host for a body. Unknown says that the
// body's length is not known. When a probe is due, one call is given it.
func (e *Entry) Worth(unknown bool) worth.Worth {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	return e.host.worth.Worth(e.addr, unknown)
}

// Read notes how long bytes of a body of known length took to arrive.
func (e *Entry) Read(bytes int64, took time.Duration) {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	e.host.worth.Read(bytes, took)
}

// Drained notes the result of a drain.
func (e *Entry) Drained(took, cost time.Duration, whole, unknown bool) {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	e.host.worth.Drained(took, cost, whole, unknown)
}

// NotDrained notes that a drain was not tried.
func (e *Entry) NotDrained(remeasure, unknown bool) {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	e.host.worth.NotDrained(remeasure, unknown)
}
