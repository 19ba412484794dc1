package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/worth"
)

// Worth is what is known of the exchange's host, for a body of which the length
// is known or not. A probe is handed out once.
func (e *Entry) Worth(unknown bool) worth.Worth {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	return e.host.worth.Worth(e.addr, unknown)
}

// Read notes how long a part of a body of known length took to come.
func (e *Entry) Read(bytes int64, took time.Duration) {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	e.host.worth.Read(bytes, took)
}

// Drained notes what came of a drain.
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
