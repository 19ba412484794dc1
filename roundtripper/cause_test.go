package roundtripper_test

import (
	"testing"

	"github.com/warmconn/warmconn/roundtripper"
)

// cause is a row of the tables of reasons: an event that costs a connection, and the reason
// that the next request to dial is told.
type cause struct {
	name   string
	reason roundtripper.NewReason
	// blind is the word in a stack without pool, where that sees less: it may be less
	// exact, and is never wrong.
	blind roundtripper.NewReason
	// seldom is another word that the stack with pool may have instead, by chance: its limits.
	seldom roundtripper.NewReason
	// blames: the exchange that ended last is the culprit. There is none where it
	// is false.
	blames bool
	pooled bool // it takes pool to cause it
	always bool // it befalls every connection of the scene
	timed  bool // it has a limit that a busy machine would miss: it runs in a bubble
	stack  stack
	// make causes it. The connection is gone when it returns.
	make func(*scene)
}

// run checks that the next request has the reason, and that the one after it has not.
func (c cause) run(s *scene) {
	s.t.Helper()
	c.make(s)
	for len(s.ends) > 0 {
		s.next()
	}
	reason, culprit := c.reason, nobody
	if c.blind != "" && s.pool == nil {
		reason = c.blind
	} else if c.blames {
		culprit = s.culprit()
		if s.lost != reason {
			s.t.Errorf("the culprit says it lost its connection for %q, want %q", s.lost, reason)
		}
	}
	next := s.read("/", nil)
	if s.pool != nil && c.seldom != "" && next.NewReason == c.seldom {
		reason = c.seldom
	}
	s.wantNew(next, reason, culprit)
	if !c.always {
		s.wantReused(s.read("/", nil))
	}
}

// forStacks runs f with pool and without, and k otherwise.
func forStacks(t *testing.T, k stack, f func(*testing.T, stack)) {
	for _, pooled := range []bool{false, true} {
		name := "pool=false"
		if pooled {
			name = "pool=true"
		}
		k.pooled = pooled
		t.Run(name, func(t *testing.T) { f(t, k) })
	}
}
