package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a run has found.
type report struct {
	samples   []sample
	length    time.Duration
	gc        collections
	bare, kit counts
	left      []string // what is not back
	wrong     []string // what failed with the kit alone
}

func (c *counts) reuse() float64 { return 100 * float64(c.reused) / float64(max(c.conns, 1)) }

// write prints the report.
func (r *report) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\trequests\treused\tconns\tp50\tp99\tp99.9\tfailed\tat good servers\tleaked\tleft open\tmixed bytes")
	for _, row := range []struct {
		name string
		n    *counts
	}{{"net/http", &r.bare}, {"with the kit", &r.kit}} {
		fmt.Fprintf(t, "%s\t%d\t%.1f %%\t%d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", row.name, row.n.requests, row.n.reuse(), row.n.opened,
			short(row.n.p50), short(row.n.p99), short(row.n.p999), row.n.failed, row.n.atGood, row.n.leaked, row.n.leftOpen, row.n.mixed)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nfailures, net/http and with the kit:")
	for _, class := range slices.Sorted(maps.Keys(union(r.bare.classes, r.kit.classes))) {
		fmt.Fprintf(&b, " %s %d %d;", class, r.bare.classes[class], r.kit.classes[class])
	}
	fmt.Fprintf(&b, "\ncollector: %d collections, paused %s in all, %s at most, %.1f %% of the processor time; both and the servers are in one process\n",
		r.gc.n, short(r.gc.paused), short(r.gc.longest), 100*r.gc.share)
	for _, text := range r.left {
		fmt.Fprintf(&b, "NOT BACK: %s\n", text)
	}
	for _, text := range r.wrong {
		fmt.Fprintf(&b, "FAIL: %s\n", text)
	}
	if len(r.left) == 0 {
		fmt.Fprintln(&b, "back: goroutines, descriptors, slots, connections and heap")
	}
	b.WriteString(strings.Join(footnotes, "\n") + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// footnotes say how the table came about.
var footnotes = []string{
	"",
	"reused: of the connections that requests got, how many had served one before. conns: what the servers have accepted. p50, p99, p99.9: from the start to the end of the body,",
	"  of requests whose caller reads all and which did not fail, the two slow servers' apart. failed: neither canceled by the caller nor over its own short deadline. left open: connections",
	"  that callers' forgotten bodies hold after CloseIdleConnections, or Shutdown, while the servers go on; with net/http for good.",
}

func union(a, b map[string]int) map[string]int {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// short prints a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.0f µs", float64(d)/1e3)
}
