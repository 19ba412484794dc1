// Package lockorder is the order of the kit's locks, and has a mutex for each place in
// it. In a build with the tag lockorder, the mutex panics where a goroutine takes a lock
// while it holds one that comes later; without the tag it is a plain sync.Mutex.
//
//	go test -tags lockorder ./...
package lockorder

// The places in their order: a goroutine that holds a lock may take the locks that follow.
// Locks that are not here are released before any other lock is taken.
type (
	// Facade guards the building of a façade's stack.
	Facade struct{}
	// Transports guards a pool's transports, and the places that make them.
	Transports struct{}
	// Churn guards the counts of the places that make transports.
	Churn struct{}
	// ConnTable guards one shard of the hosts with connections. It is held while a
	// host is asked whether it may be forgotten; so is SlotTable.
	ConnTable struct{}
	// Background guards the drains that go on behind Close.
	Background struct{}
	// Exchange guards an exchange's facts. An outer exchange's lock is taken before an
	// inner's.
	Exchange struct{}
	// Body guards a body's phase.
	Body struct{}
	// Host guards a host's connections, in ledger and in connpool. One is held at a time.
	// In connpool it is taken before net/http's own locks; in ledger's hooks those are
	// held already.
	Host struct{}
	// IdleTotal guards the pool's list of hosts with idle connections.
	IdleTotal struct{}
	// Totals guards the sums over all hosts.
	Totals struct{}
	// SlotTable guards one shard of the hosts with slots.
	SlotTable struct{}
	// InFlight guards the list of the requests in flight to one host.
	InFlight struct{}
	// Queue guards one queue's slots. One is held at a time.
	Queue struct{}
	// Past guards the counts of forgotten hosts.
	Past struct{}
)

// Rank is a place in the order.
type Rank interface {
	// rank returns the place, and whether several locks of that place may be held at once.
	rank() (place int, several bool)
}

func (Facade) rank() (int, bool)     { return 1, true }
func (Transports) rank() (int, bool) { return 2, false }
func (Churn) rank() (int, bool)      { return 3, false }
func (ConnTable) rank() (int, bool)  { return 4, false }
func (Background) rank() (int, bool) { return 5, true }
func (Exchange) rank() (int, bool)   { return 6, true }
func (Body) rank() (int, bool)       { return 7, false }
func (Host) rank() (int, bool)       { return 8, false }
func (IdleTotal) rank() (int, bool)  { return 9, false }
func (Totals) rank() (int, bool)     { return 10, false }
func (SlotTable) rank() (int, bool)  { return 11, false }
func (InFlight) rank() (int, bool)   { return 12, false }
func (Queue) rank() (int, bool)      { return 13, false }
func (Past) rank() (int, bool)       { return 14, false }
