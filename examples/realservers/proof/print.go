package main

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/counts"
	"github.com/warmconn/warmconn/roundtripper"
)

// print writes the row: a line for each client.
func (v *verdict) print(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, "%s/%s: %.0f s", v.server, v.situation.name, took.Seconds())
	if v.troubles > 0 {
		fmt.Fprintf(w, ", the trouble %d times", v.troubles)
	}
	fmt.Fprintln(w)
	for _, t := range v.tallies {
		fmt.Fprintf(w, "  %-9s %d dialed; connections used %d, by the log %d; reuses %d, by the log %d; failed: %s\n",
			t.who, t.dialed, t.used, t.usedLog, t.reused, t.reusedLog, failures(t.outcomes))
	}
	fmt.Fprintf(w, "  the pool has opened %d; new: %s; lost: %s\n", v.kit().stats.Opened, counts.Text(sizes(v.kit().newFor)), counts.Text(v.kit().stats.Lost))
}

// A total is of all rows.
type total struct {
	programs, rows                   map[string]bool
	requests, dialed, reused, failed int // the kit's; requests are all clients'
	new, unknown                     int
}

func (a *total) add(v *verdict) {
	a.rows[v.server+"/"+v.situation.name] = true
	for _, t := range v.tallies {
		a.requests += t.requests
	}
	kit := v.kit()
	a.dialed += kit.dialed
	a.reused += kit.reused
	a.failed += kit.failed
	a.new += kit.new()
	a.unknown += len(kit.newFor[roundtripper.ReasonUnknown])
}

// print writes what is true if no rule is broken.
func (a *total) print(w io.Writer) {
	fmt.Fprintf(w, "proof: %d situations of %d servers, %d requests; the kit opened %d connections, and reused them %d times; %d of its requests failed, none in a way that bare net/http does not know; %d of %d connections were new for a reason unknown\n",
		len(a.rows), len(a.programs), a.requests, a.dialed, a.reused, a.failed, a.unknown, a.new)
}

// failures are the outcomes that are no success.
func failures(outcomes map[string]int) string {
	failed := maps.Clone(outcomes)
	maps.DeleteFunc(failed, func(class string, _ int) bool { return strings.HasPrefix(class, "status 2") })
	return counts.Text(failed)
}

func sizes[K comparable, V any](m map[K][]V) map[K]int {
	n := make(map[K]int)
	for k, list := range m {
		n[k] = len(list)
	}
	return n
}
