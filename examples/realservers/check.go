package main

import "fmt"

// most is how many connections the kit may open for one of bare net/http's.
const most = 1.1

// outOfBounds says of each of the kit's rows what is wrong with it. Bare
// net/http's second row counts as well: what one and the same client varies by
// proves nothing against the kit. A limit below the scenario's workers is to
// make requests wait, so a variant that has one may be slower.
func (c *comparison) outOfBounds(slack float64) []string {
	var found []string
	report := func(r *row, format string, args ...any) {
		found = append(found, r.variant+": "+fmt.Sprintf(format, args...))
	}
	slowest := min(1, c.speed(c.row(again))) - slack
	opened := int(most * float64(max(c.row(bare).opened, c.row(again).opened)))
	for _, r := range c.rows {
		if !r.kit {
			continue
		}
		if got := c.speed(r); got < slowest && (r.limit == 0 || r.limit >= c.workers) {
			report(r, "%.2f of bare's requests/s, want %.2f at least", got, slowest)
		}
		if r.opened > opened {
			report(r, "%d connections, want %d at most", r.opened, opened)
		}
		for _, class := range c.foreign(r) {
			report(r, "%d times %q, which bare never has", r.errors[class], class)
		}
	}
	return found
}

// foreign are the classes of the row's errors that bare net/http has none of.
func (c *comparison) foreign(r *row) []string {
	var found []string
	for class := range r.errors {
		if c.row(bare).errors[class] == 0 && c.row(again).errors[class] == 0 {
			found = append(found, class)
		}
	}
	return found
}
