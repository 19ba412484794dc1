package connpool

import "time"

const (
	// rememberedMost is how many hosts a Pool remembers that have neither a request nor a
	// connection, when others need their place: as many as hosttable keeps before it looks,
	// and half as many again.
	rememberedMost = 1024
	// rememberedFor is for how long at most.
	rememberedFor = time.Hour
)

// rememberLocked reports whether the host is worth keeping though nothing of it is left:
// what was learned of it, its protocol, its streams and its costs, would be missing for the
// next request. A host that had requests over ten minutes has one again within twenty, or
// not so soon; one that a crawler met for a moment has none. So it is kept for twice as
// long as it has been in use.
//
// Rejected: a second chance, to be forgotten at the second sweep after its last request. A
// crawler has a shard swept every second, and the host that it reports to once a minute is
// gone each time. And a list in the order of use, of a fixed length: a crawler that stays a
// while at each host fills that.
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
