package poolz

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// eventsMost is how many are kept, and eventsShown how many a page lists.
	eventsMost  = 256
	eventsShown = 60
	// eventPause: what happens again within it is the same event, once more.
	eventPause = 10 * time.Second
)

// eventKey is what tells events apart.
type eventKey struct {
	what         string // the words are at eventTexts
	host, reason string
	site, by     uint64 // of the stacks, 0 if there is none
}

// event is something that has happened n times.
type event struct {
	eventKey
	n            uint64
	first, last  time.Time
	method, path string    // of the last one; empty if it is of no request
	stack, bySt  []uintptr // where the request was made, and the culprit's
	figure       time.Duration
}

// eventLog keeps the last events. Exchanges write into it as they end.
type eventLog struct {
	seed maphash.Seed

	mu    sync.Mutex // no other lock is taken under it
	all   []*event   // that which has not happened for the longest time first
	byKey map[eventKey]*event
}

func (l *eventLog) hash(stack []uintptr) uint64 {
	if len(stack) == 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, pc := range stack {
		maphash.WriteComparable(&h, pc)
	}
	return h.Sum64()
}

// add writes n times e down, whose strings and stacks are copied where they are kept.
func (l *eventLog) add(e event, n uint64, now time.Time) {
	e.host, e.method, e.path = cut(e.host), strings.Clone(cut(e.method)), strings.Clone(cut(e.path))
	if e.by = l.hash(e.bySt); e.by == 0 { // else it is the culprit's, whoever has paid
		e.site = l.hash(e.stack)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if have := l.byKey[e.eventKey]; have != nil && now.Sub(have.last) < eventPause {
		have.n += n
		have.last, have.method, have.path, have.figure = now, e.method, e.path, e.figure
		i := slices.Index(l.all, have)
		l.all = append(slices.Delete(l.all, i, i+1), have)
		return
	}
	if len(l.all) >= eventsMost {
		if old := l.all[0]; l.byKey[old.eventKey] == old {
			delete(l.byKey, old.eventKey)
		}
		l.all = slices.Delete(l.all, 0, 1)
	}
	if l.byKey == nil {
		l.byKey = make(map[eventKey]*event)
	}
	e.n, e.first, e.last, e.host = n, now, now, strings.Clone(e.host)
	e.stack, e.bySt = slices.Clone(e.stack), slices.Clone(e.bySt)
	l.all = append(l.all, &e)
	l.byKey[e.eventKey] = &e
}

// list returns copies of the latest, those of one host if its name is not empty.
func (l *eventLog) list(host string, most int) []event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []event
	for _, e := range l.all {
		if host == "" || e.host == cut(host) {
			all = append(all, *e)
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return b.last.Compare(a.last) })
	return all[:min(len(all), most)]
}

func (l *eventLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.byKey = nil, nil
}
