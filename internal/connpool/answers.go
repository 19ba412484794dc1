package connpool

import "net/netip"

// answers are what the lookups of a host's name have given, of one family of addresses.
// The host's mutex guards them.
//
// An address is gone when goneAfter answers in a row, each like the one before, have not
// given it, and one before them has. So nothing is gone that this lookup has never
// given: then it sees other names than the program's dialer does.
type answers struct {
	n            int // how many there were
	size         int // of the last one
	alike        int // how many in a row share half of their addresses with the one before
	unlike       int // and how many in a row do not
	back         int // the last one that gave an address again that was gone
	rotatesUntil int
	known        map[netip.Addr]*hostAddr
}

// hostAddr is one of a host's.
type hostAddr struct {
	last  int // the answer that gave it last; 0: none has
	gone  int // it is gone for connections that have seen fewer answers
	conns int // that are open
}

const (
	// goneAfter is how many answers in a row must leave an address out.
	goneAfter = 3
	// lateAfter is how many must, behind the dial, where the dialer gave the address
	// though the last answer did not: it may keep names for longer, or never agree. Such
	// connections are retired rememberFor/lateAfter times, and then left alone.
	lateAfter = 16
	// rotateFor is how many answers must leave out no address that comes back, for
	// answers that rotated to count again. Servers of one name that do not agree yet
	// show the same for a while, so it is not for good.
	rotateFor = 32
	// unlikeMost is how many answers in a row may each be another one: those of a
	// name with many addresses give a few of them, and seldom one again.
	unlikeMost = 2
	// rememberFor is for how many answers an address is known that none of them gave,
	// and addressesMost how many are.
	rememberFor   = 2 * rotateFor
	addressesMost = 1024
)

// ofLocked is what is known of a.
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

// rotate reports whether answers give now these and now other addresses.
func (as *answers) rotate() bool { return as.n < as.rotatesUntil }

// countLocked notes an answer, which is not empty. It is true if an address is gone
// to which there are connections.
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
