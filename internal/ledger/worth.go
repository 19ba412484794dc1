package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/worth"
)

// Worth is what is known of the exchange's host, for a body of which the length
// is known or not. A probe is handed out once.
func (u *Use) Worth(unknown bool) worth.Worth {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	return u.host.worth.Worth(u.addr, unknown)
}

// Read notes how long a part of a body of known length took to come.
func (u *Use) Read(bytes int64, took time.Duration) {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	u.host.worth.Read(bytes, took)
}

// Drained notes what came of a drain.
func (u *Use) Drained(took, cost time.Duration, whole, unknown bool) {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	u.host.worth.Drained(took, cost, whole, unknown)
}

// NotDrained notes that a drain was not tried.
func (u *Use) NotDrained(remeasure, unknown bool) {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	u.host.worth.NotDrained(remeasure, unknown)
}
