package stack

import (
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Target is one host, as the exchanges of a stack know it. It is found once for each
// exchange, so that no layer has to look the host up again.
type Target struct {
	// Key is the key under which the kit counts the host, and Name is Key.String's result,
	// which takes an allocation to make. They do not change.
	Key  ledger.Key
	Name string
	// Kept has a value for each layer that wants a short way to its own data of the host.
	// The keys, a Tracer or a Pool say, must be comparable. A value may be gone at any time,
	// and must not hold a Stack.
	Kept cache.List[any, any]

	observed atomic.Pointer[ledger.Host]
	owned    atomic.Pointer[connpool.Host]
}

func newTarget(k ledger.Key) *Target { return &Target{Key: k, Name: k.String()} }
