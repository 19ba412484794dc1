package pool

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
	"github.com/warmconn/warmconn/roundtripper"
)

// NewConns are connections that were new to the requests that got them, for one reason, and
// by the fault of requests that were made in one place.
type NewConns struct {
	// Reason says why they were new.
	Reason roundtripper.NewReason
	// Host is scheme, name and port; empty if they went to several hosts.
	Host string
	// Caller is where the program made the requests that have cost earlier connections,
	// the culprits, as in Leak.Caller, and Inner as there. Both are empty where no request
	// is to blame, where the culprits' stacks were not taken (see Options.AlwaysCaller),
	// and for all culprits beyond the first 256 stacks of a Pool.
	Caller, Inner string
	// Conns is how many they were.
	Conns uint64
	// Time is what making them has taken, as far as that was seen: DNS, connect and TLS, as
	// in roundtripper.Exchange, whichever request waited for it.
	Time time.Duration

	stack *[]uintptr
}

// Frames returns the stack that Caller and Inner were found in, as Leak's does; nil where
// they are empty. Two NewConns may have one Caller, and differ in their stacks.
func (n NewConns) Frames() []runtime.Frame { return framesOf(n.stack) }

// newConns are the NewConns of a Pool. They are asked for nothing but when a request ends
// that was given a new connection.
type newConns struct {
	mu     sync.Mutex
	by     map[newConnsKey]*NewConns // without their Reason
	stacks int                       // of those that have one
}

// newConnsMost bounds the stacks that are told apart. Without one there are as many NewConns
// as there are reasons.
const newConnsMost = 256

type newConnsKey struct {
	reason ledger.Reason
	stack  uint64 // its hash; 0: none
}

func (ns *newConns) add(host string, n *stack.NewConn) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	key := newConnsKey{n.Reason, hashOf(n.Culprit.Stack)}
	e := ns.by[key]
	if e == nil && key.stack != 0 && ns.stacks == newConnsMost {
		key.stack = 0
		e = ns.by[key]
	}
	if e == nil {
		e = &NewConns{Host: host}
		if key.stack != 0 {
			ns.stacks++
			at := callsite.Of(n.Culprit.Stack)
			e.Caller, e.Inner, e.stack = at.Caller, at.Inner, cloned(n.Culprit.Stack)
		}
		if ns.by == nil {
			ns.by = make(map[newConnsKey]*NewConns)
		}
		ns.by[key] = e
	}
	if e.Host != host {
		e.Host = ""
	}
	e.Conns++
	e.Time += n.Setup.DNS + n.Setup.Connect + n.Setup.TLS
}

// list is what there is, the dearest first.
func (ns *newConns) list() []NewConns {
	ns.mu.Lock()
	all := make([]NewConns, 0, len(ns.by))
	for key, e := range ns.by {
		n := *e
		n.Reason = roundtripper.NewReason(key.reason.String())
		all = append(all, n)
	}
	ns.mu.Unlock()
	slices.SortFunc(all, func(a, b NewConns) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Conns, a.Conns),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Inner, b.Inner))
	})
	return all
}

// hashOf is 0 for no stack.
func hashOf(stack []uintptr) uint64 {
	if len(stack) == 0 {
		return 0
	}
	h := fnv.New64a()
	var b [8]byte
	for _, pc := range stack {
		binary.LittleEndian.PutUint64(b[:], uint64(pc))
		h.Write(b[:])
	}
	return max(h.Sum64(), 1)
}

// gotNew counts the connection that was new to x, unless an exchange further down does: it
// knows the same of it: for Stats' New and NewByCaller, and the host's New. H is its host; nil
// if it had no slot.
func (t layer) gotNew(x *stack.Exchange, h *host, n *stack.NewConn) {
	if n.Reason == ledger.None || x.StandsBelow(t) {
		return
	}
	t.p.newConns.add(x.Host(), n)
	if h == nil {
		return
	}
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	h.queue.new.add(n.Reason, 1)
	if n.Culprit.Stack == nil && n.Reason.Blames() && n.Reason != ledger.First && n.Reason != ledger.AllBusy {
		h.queue.unplaced = callAfterLoss
	}
}
