package connpool

import "time"

const (
	// rememberedMost is how many hosts a Pool remembers that have neither a request nor a
	// connection, when others need their place: half as many again as hosttable keeps
	// before it looks for hosts to forget.
	rememberedMost = 1024
	// rememberedFor is the longest time for which such a host is remembered.
	rememberedFor = time.Hour
)

// rememberLocked reports whether the host is worth keeping though it has neither a request
// nor a connection: else the next request would miss the protocol, the limit of streams and
// the costs that were learned. A host that had requests for ten minutes has one again within
// twenty, or not for long; a host that a crawler met for a moment has none. So a host is kept
// for twice as long as it was in use.
//
// Rejected: a second chance, by which a host is forgotten at the second sweep after its last
// request. A crawler has a shard swept every second, and the host to which it reports once a
// minute would be gone each time. Rejected as well: a list of a fixed length, in the order of
// use. A crawler that stays a while at each host fills that.
func (h *Host) rememberLocked(now time.Time) bool {
	used := h.lastUse.Sub(h.firstUse)
	worth := used > 0 && now.Sub(h.lastUse) <= min(2*used, rememberedFor)
	switch n := &h.pool.remembered; {
	case worth && !h.remembered:
		if n.Add(1) > rememberedMost {
			n.Add(-1)
			return false
		}
		h.remembered = true
	case !worth && h.remembered:
		n.Add(-1)
		h.remembered = false
	}
	return worth
}
