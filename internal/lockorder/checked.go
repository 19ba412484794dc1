//go:build lockorder

package lockorder

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
)

// Checked says whether the order is checked in this build.
const Checked = true

// Mutex is a sync.Mutex with a place in the order.
type Mutex[R Rank] struct{ mu sync.Mutex }

// Lock is sync.Mutex's, but panics if the goroutine holds a lock that comes later.
func (m *Mutex[R]) Lock() {
	var r R
	note(r)
	m.mu.Lock()
}

// Unlock is sync.Mutex's, on the goroutine that has locked it.
func (m *Mutex[R]) Unlock() {
	var r R
	place, _ := r.rank()
	m.mu.Unlock()
	drop(place)
}

// held are the places of the locks that a goroutine holds, by its ID.
var held struct {
	sync.Mutex
	of map[string][]int
}

func note(r Rank) {
	place, several := r.rank()
	id := goroutine()
	held.Lock()
	defer held.Unlock()
	for _, p := range held.of[id] {
		if p > place || p == place && !several {
			panic(fmt.Sprintf("lockorder: a goroutine takes %T, place %d, and holds place %d", r, place, p))
		}
	}
	if held.of == nil {
		held.of = make(map[string][]int)
	}
	held.of[id] = append(held.of[id], place)
}

func drop(place int) {
	id := goroutine()
	held.Lock()
	defer held.Unlock()
	ps := held.of[id]
	for i := len(ps) - 1; i >= 0; i-- {
		if ps[i] == place {
			ps = append(ps[:i], ps[i+1:]...)
			break
		}
	}
	if held.of[id] = ps; len(ps) == 0 {
		delete(held.of, id)
	}
}

// goroutine returns the ID of the calling goroutine, as its stack trace has it.
func goroutine() string {
	var b [32]byte
	id, _, _ := bytes.Cut(bytes.TrimPrefix(b[:runtime.Stack(b[:], false)], []byte("goroutine ")), []byte(" "))
	return string(id)
}
