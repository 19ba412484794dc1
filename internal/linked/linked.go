// Package linked has lists whose links are fields of the listed values: they allocate
// nothing, and a value is removed without a search. They are not safe for concurrent use:
// the owner of a list has the lock.
package linked

import "iter"

// Place is the place of one value in a list, in one list at a time. Its zero value is in
// none.
type Place[T any] struct {
	list       *List[T]
	next, prev *Place[T]
	value      *T
}

// List is a list of values, in the order in which they were added. Its zero value is
// empty.
type List[T any] struct {
	first, last *Place[T]
	n           int
}

// Len returns the number of values.
func (l *List[T]) Len() int { return l.n }

// First returns the value that was added first; nil if the list is empty.
func (l *List[T]) First() *T {
	if l.first == nil {
		return nil
	}
	return l.first.value
}

// All iterates over the values, the first one first. The loop may remove the value at hand,
// and no other.
func (l *List[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for p := l.first; p != nil; {
			next := p.next
			if !yield(p.value) {
				return
			}
			p = next
		}
	}
}

// Push adds v at the end of the list. P is v's place, and must be in no list.
func (l *List[T]) Push(p *Place[T], v *T) {
	*p = Place[T]{list: l, prev: l.last, value: v}
	if l.last == nil {
		l.first = p
	} else {
		l.last.next = p
	}
	l.last = p
	l.n++
}

// In returns the list that the value is in; nil if it is in none.
func (p *Place[T]) In() *List[T] { return p.list }

// Remove removes the value from its list. It does nothing if the value is in none.
func (p *Place[T]) Remove() {
	l := p.list
	if l == nil {
		return
	}
	if p.prev == nil {
		l.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		l.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	l.n--
	*p = Place[T]{}
}
