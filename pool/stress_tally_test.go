package pool_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// cell names a count: of requests of one kind at one server, with one class of outcome.
type cell struct{ server, op, class string }

func (c cell) String() string { return fmt.Sprintf("%s: %s: %s", c.server, c.op, c.class) }

// failed reports whether the outcome is a failure that the caller did not cause.
func (c cell) failed() bool {
	return !strings.HasPrefix(c.class, classOK) && c.class != classCanceled && c.class != classDeadline
}

// timed reports whether the outcome depends on speed.
func (c cell) timed() bool {
	return c.class == classCanceled || c.class == classDeadline
}

// tally has the outcomes of one set-up's requests, by slices of the run. In a slice every set-up
// sends the same requests to a server of its own, all at the same time. The outcomes of requests
// within a slice depend on each other, on the same HTTP/2 connection for example, but hardly
// across slices: chance is judged by slices.
type tally map[cell]map[int]int // slice, count

func (t tally) add(c cell, slice, n int) {
	if t[c] == nil {
		t[c] = make(map[int]int)
	}
	t[c][slice] += n
}

func (t tally) sum(c cell) (n int) {
	for _, k := range t[c] {
		n += k
	}
	return n
}

const (
	anyServer = "all servers"
	anyOp     = "all requests"
)

// allFailures is the cell of the failures at all servers.
var allFailures = cell{anyServer, anyOp, "failures"}

// isSum reports whether c is one of the cells that summed adds.
func (c cell) isSum() bool {
	return c.server == anyServer || c.op == anyOp || strings.HasSuffix(c.class, anyLost)
}

// summed returns t with the sums over all servers, over all requests, and over each family: an
// outcome that is rare in each cell shows there first.
func (t tally) summed() tally {
	sums := make(tally)
	for c, slices := range t {
		for slice, n := range slices {
			if c.failed() {
				sums.add(allFailures, slice, n)
			}
			classes := []string{c.class}
			if f := c.family(); f != c {
				classes = append(classes, f.class)
			}
			for _, class := range classes {
				sums.add(cell{c.server, c.op, class}, slice, n)
				sums.add(cell{c.server, anyOp, class}, slice, n)
				sums.add(cell{anyServer, c.op, class}, slice, n)
				sums.add(cell{anyServer, anyOp, class}, slice, n)
			}
		}
	}
	return sums
}

// cells returns the cells of all set-ups, in order.
func cells(all ...tally) []cell {
	set := make(map[cell]bool)
	for _, t := range all {
		for c := range t {
			set[c] = true
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b cell) int { return strings.Compare(a.String(), b.String()) })
}

const titleFormat = "%-72s"

// table prints one line for each cell, one for all requests, and one for the
// connections to each server.
func table(names []string, all map[string]tally, conns map[string]map[string]int) string {
	var b strings.Builder
	line := func(title string, figure func(tally) int) {
		fmt.Fprintf(&b, titleFormat, title)
		for _, name := range names {
			fmt.Fprintf(&b, " %10d", figure(all[name]))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, titleFormat, "")
	var list []tally
	for _, name := range names {
		fmt.Fprintf(&b, " %10s", name)
		list = append(list, all[name])
	}
	b.WriteByte('\n')
	every := func(t tally) (n int) {
		for c := range t {
			n += t.sum(c)
		}
		return n
	}
	line("requests", every)
	for _, c := range cells(list...) {
		line(c.String(), func(t tally) int { return t.sum(c) })
	}
	for _, server := range slices.Sorted(maps.Keys(conns)) {
		fmt.Fprintf(&b, titleFormat, "connections: "+server)
		for _, name := range names {
			fmt.Fprintf(&b, " %10d", conns[server][name])
		}
		b.WriteByte('\n')
	}
	return b.String()
}
