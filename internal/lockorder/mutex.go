//go:build !lockorder

package lockorder

import "sync"

// Checked says whether the order is checked in this build.
const Checked = false

// Mutex is a sync.Mutex with a place in the order.
type Mutex[R Rank] struct{ sync.Mutex }
