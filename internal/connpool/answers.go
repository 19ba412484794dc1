package connpool

import "net/netip"

// answers are the answers to the lookups of a host's name, for one family of addresses. The
// host's mutex guards them.
//
// An address is gone when goneAfter answers in a row, each like the one before, do not have
// it, and one before them had it. So an address that was in no answer is never gone: the
// program's dialer must have another source of addresses than this lookup.
type answers struct {
	n            int // how many there were
	size         int // how many addresses the last one had
	alike        int // how many in a row share half of their addresses with the one before
	unlike       int // how many in a row do not
	back         int // number of the last one with an address that was gone, and came back
	rotatesUntil int
	known        map[netip.Addr]*hostAddr
}

// hostAddr is one address of a host.
type hostAddr struct {
	last  int // number of the last answer that had it; 0: none had
	gone  int // it is gone for connections that came up before that many answers
	conns int // open connections to it
}

const (
	// goneAfter is how many answers in a row must leave an address out.
	goneAfter = 3
	// lateAfter is how many answers after the dial must leave an address out that the
	// dialer chose though the last answer did not have it: the dialer may keep addresses
	// for longer, or have other ones altogether. Such connections are retired
	// rememberFor/lateAfter times, and then left alone.
	lateAfter = 16
	// rotateFor is for how many answers no address must come back, before answers that
	// rotated count again. Name servers that do not agree yet look like rotation for a
	// while, so rotation does not count for good.
	rotateFor = 32
	// unlikeMost is how many answers in a row may be unlike the one before. A name with
	// many addresses has more: each of its answers has a few, and seldom the same ones.
	unlikeMost = 2
	// rememberFor is for how many answers an address is known that none of them has, and
	// addressesMost how many addresses are known.
	rememberFor   = 2 * rotateFor
	addressesMost = 1024
)

// ofLocked returns the hostAddr of a.
func (as *answers) ofLocked(a netip.Addr) *hostAddr {
	e := as.known[a]
	if e == nil {
		if as.known == nil {
			as.known = make(map[netip.Addr]*hostAddr)
		}
		e = new(hostAddr)
		as.known[a] = e
	}
	return e
}

// rotate reports whether the answers rotate: each gives other addresses of the name's.
func (as *answers) rotate() bool { return as.n < as.rotatesUntil }

// countLocked notes an answer, which is not empty. It returns true if an address is gone
// and has connections.
func (as *answers) countLocked(all []netip.Addr) (gone bool) {
	as.n++
	size, shared, back, tooSoon := 0, 0, false, false
	for _, a := range all {
		e := as.ofLocked(a)
		switch e.last {
		case as.n:
			continue // it is there twice
		case as.n - 1:
			shared++
		case 0:
		default:
			// An address that was gone may be that of a server that is well again.
			back, tooSoon = true, tooSoon || e.gone <= e.last
		}
		size++
		e.last = as.n
	}
	if as.n == 1 || 2*shared >= min(size, as.size) {
		as.alike++
		as.unlike = 0
	} else {
		as.alike = 1
		as.unlike++
	}
	as.size = size
	if tooSoon || as.unlike > unlikeMost || back && as.back > 0 && as.n-as.back <= rememberFor {
		as.rotatesUntil = as.n + rotateFor
	}
	if back {
		as.back = as.n
	}
	as.forgetLocked()
	if as.rotate() || as.alike < goneAfter {
		return false
	}
	for _, e := range as.known {
		if e.last == 0 || as.n-e.last < goneAfter {
			continue
		}
		if n := max(e.last+1, as.n-lateAfter+1); n > e.gone {
			e.gone = n
			gone = gone || e.conns > 0
		}
	}
	return gone
}

// forgetLocked forgets addresses that no answer has given for long.
func (as *answers) forgetLocked() {
	full := len(as.known) > addressesMost
	for a, e := range as.known {
		if as.n-e.last > rememberFor {
			e.last = 0
		}
		if e.conns == 0 && (e.last == 0 || full && e.last < as.n) {
			delete(as.known, a)
		}
	}
}
