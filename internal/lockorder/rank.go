// Package lockorder is the order of the kit's locks, and has a mutex for each place in
// it. Built with the tag lockorder, a goroutine that takes a lock behind one that comes
// later panics; built without it, the mutex is sync's own.
//
//	go test -tags lockorder ./...
package lockorder

// The places, in their order: a goroutine that holds one may take those that follow it.
// Locks that are not here are taken and given back with no other lock between.
type (
	// Facade is that of a façade that builds its stack.
	Facade struct{}
	// Transports is that of a pool's transports, and of places that make them.
	Transports struct{}
	// Churn is that of places that make transports.
	Churn struct{}
	// ConnTable is that of a shard of the hosts with connections. It is held while a
	// host is asked whether it may be forgotten; so is SlotTable.
	ConnTable struct{}
	// Background is that of the drains that go on behind Close.
	Background struct{}
	// Exchange is that of an exchange's facts: an outer exchange's before an inner's.
	Exchange struct{}
	// Body is that of a body's phase.
	Body struct{}
	// Host is that of a host's connections, in ledger and in connpool: one at a time.
	// Net/http's own locks follow it in connpool, and are held in ledger's hooks.
	Host struct{}
	// IdleTotal is that of the pool's list of hosts with idle connections.
	IdleTotal struct{}
	// Totals is that of the sums over all hosts.
	Totals struct{}
	// SlotTable is that of a shard of the hosts with slots.
	SlotTable struct{}
	// InFlight is that of the requests in flight to one host.
	InFlight struct{}
	// Queue is that of the slots: one queue's at a time.
	Queue struct{}
	// Past is that of what forgotten hosts have counted.
	Past struct{}
)

// Rank is a place.
type Rank interface {
	// rank is the place, and whether several locks of that place may be held at once.
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
