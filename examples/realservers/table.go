package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/counts"
)

const (
	line     = "%-20s %-10s %8s %8s %6s %7s %7s %7s %7s  %s\n"
	headings = "scenario,variant,requests,req/s,ratio,p50,p99,opened,ratio,errors; new connections by reason"
)

// A table is written scenario by scenario, so that a long run shows something
// meanwhile: its columns have fixed widths.
type table struct{ w io.Writer }

func newTable(w io.Writer) *table {
	t := &table{w}
	t.line(strings.Split(headings, ",")...)
	return t
}

func (t *table) line(cells ...string) {
	args := make([]any, len(cells))
	for i, c := range cells {
		args[i] = c
	}
	fmt.Fprintf(t.w, line, args...)
}

func (t *table) write(c *comparison) {
	for _, r := range c.rows {
		last := "errors " + counts.Text(r.errors)
		if r.kit {
			last += "; new " + counts.Text(r.reasons) + "; lost " + counts.Text(r.lost)
		}
		if r.kit && r.counted != r.opened {
			last += fmt.Sprintf("; the pool counts %d opened", r.counted)
		}
		t.line(c.scenario, r.variant, fmt.Sprint(r.requests), fmt.Sprintf("%.0f", median(r.rps)), fmt.Sprintf("%.2f", c.speed(r)),
			short(percentile(r.took, 50)), short(percentile(r.took, 99)), fmt.Sprint(r.opened), fmt.Sprintf("%.2f", c.connections(r)), last)
	}
}

func (t *table) legend() {
	fmt.Fprint(t.w, `
req/s: median of the rounds, and its ratio the median of the rounds' ratios. opened: connections by the base transport's dialer,
in all rounds. ratio: to the row bare; that of "bare again" is what one and the same client varies by.
`)
}

// short prints a duration with about three digits.
func short(d time.Duration) string {
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
