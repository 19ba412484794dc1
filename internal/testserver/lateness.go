package testserver

import (
	"sync/atomic"
	"time"
)

// Lateness is how late a busy machine was, in all. Its methods are safe for concurrent use.
type Lateness struct{ sum atomic.Int64 }

// Note notes what was due then, and happens now.
func (l *Lateness) Note(due time.Time) { l.sum.Add(int64(max(0, time.Since(due)))) }

// Sum is how much was noted so far.
func (l *Lateness) Sum() time.Duration { return time.Duration(l.sum.Load()) }
