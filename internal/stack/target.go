package stack

import (
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Target is one host as the exchanges of a stack see it: found once for each, so that
// no layer has to look it up again. What is kept there is a short way to what a layer
// has of the host; it may be gone at any time, also for good.
type Target struct {
	key      ledger.Key
	name     string // Key.String
	observed atomic.Pointer[ledger.Host]
	owned    atomic.Pointer[connpool.Host]
	kept     cache.List[any, any]
}

func newTarget(k ledger.Key) *Target { return &Target{key: k, name: k.String()} }

// Key is what the kit counts the host under.
func (s *Target) Key() ledger.Key { return s.key }

// Name is what Key.String says, for all layers: to put it together takes an
// allocation.
func (s *Target) Name() string { return s.name }

// Load returns what owner, which must be comparable, has kept there; nil if nothing.
func (s *Target) Load(owner any) any {
	v, _ := s.kept.Get(owner)
	return v
}

// Store keeps v for owner, in the place of what was there. V must not hold a Stack.
func (s *Target) Store(owner, v any) { s.kept.Set(owner, v) }
