// Package jumplog is the list of functions that were entered, of all goroutines.
package jumplog

import "sync"

// Entry is a call of a function.
type Entry struct {
	File, Func string
	Accessor   bool
}

var (
	mu      sync.Mutex
	on      bool
	entries []Entry
)

// Enter is what each function calls first.
func Enter(file, fn string, accessor bool) {
	mu.Lock()
	defer mu.Unlock()
	if on {
		entries = append(entries, Entry{file, fn, accessor})
	}
}

// Start begins a new list.
func Start() {
	mu.Lock()
	defer mu.Unlock()
	on, entries = true, nil
}

// Len is how long the list is.
func Len() int {
	mu.Lock()
	defer mu.Unlock()
	return len(entries)
}

// Stop ends the list and returns it.
func Stop() []Entry {
	mu.Lock()
	defer mu.Unlock()
	on = false
	return entries
}
