package connpool

import (
	"slices"
	"sync"
)

// lookupsMost is how many lookups of a Pool run at once.
const lookupsMost = 16

// lookups are a Pool's lookups. Each one that runs has a goroutine.
type lookups struct {
	mu      sync.Mutex
	running int
	waiting []*Host // each once
}

// add has h look its name up, when it is its turn.
func (l *lookups) add(h *Host) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running == lookupsMost {
		l.waiting = append(l.waiting, h)
		return
	}
	l.running++
	go func() {
		for ; h != nil; h = l.next() {
			h.lookUp()
		}
	}()
}

// next is the host whose turn it is; nil if none waits: then the goroutine must end.
func (l *lookups) next() *Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.running--
		return nil
	}
	h := l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	return h
}
