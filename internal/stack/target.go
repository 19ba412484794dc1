package stack

import (
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Target is one host, as the exchanges of a stack know it. It is found once for each
// exchange, so that no layer has to look the host up again. A layer can keep a value in it, as
// a short way to its own data of the host. The value may be gone at any time.
type Target struct {
	key      ledger.Key
	name     string // Key.String
	observed atomic.Pointer[ledger.Host]
	owned    atomic.Pointer[connpool.Host]
	kept     cache.List[any, any]
}

func newTarget(k ledger.Key) *Target { return &Target{key: k, name: k.String()} }

// Key is the key under which the kit counts the host.
func (s *Target) Key() ledger.Key { return s.key }

// Name is Key.String's result, which all layers share: it takes an allocation to make.
func (s *Target) Name() string { return s.name }

// Load returns the value that owner, which must be comparable, has stored; nil if there is
// none.
func (s *Target) Load(owner any) any {
	v, _ := s.kept.Get(owner)
	return v
}

// Store keeps v for owner, in the place of an earlier value. V must not hold a Stack.
func (s *Target) Store(owner, v any) { s.kept.Set(owner, v) }
