// Package linked has lists whose places are fields of what they list: they allocate
// nothing, and a value is taken out without a search. Whoever has a list guards it.
package linked

import "iter"

// Place is the place of one value in a list, in one at a time. Its zero value is in none.
type Place[T any] struct {
	list       *List[T]
	next, prev *Place[T]
	value      *T
}

// List is a list of values, in the order in which they were put there. Its zero value is
// empty.
type List[T any] struct {
	first, last *Place[T]
	n           int
}

// Len is how many there are.
func (l *List[T]) Len() int { return l.n }

// First is the one that has been there for longest; nil if there is none.
func (l *List[T]) First() *T {
	if l.first == nil {
		return nil
	}
	return l.first.value
}

// All are those in the list, the first one first. The one at hand may be taken out
// meanwhile, and no other.
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

// Push puts v, of which p is the place, at the end of the list. It must be in none.
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

// In is the list that has the value; nil if none has.
func (p *Place[T]) In() *List[T] { return p.list }

// Remove takes the value out of its list. It does nothing if it is in none.
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
