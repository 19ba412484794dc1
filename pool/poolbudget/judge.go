package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// listed is how many rows of a table are printed.
const listed = 20

// judge reports whether the figures are within the budget, and prints why not.
func (f figures) judge(w io.Writer, most float64, least uint64) bool {
	if f.requests < max(least, 1) {
		fmt.Fprintf(w, "poolbudget: %d requests, want %d or more to judge by\n", f.requests, max(least, 1))
		return false
	}
	each := float64(f.opened) / float64(f.requests)
	fmt.Fprintf(w, "poolbudget: %d new connections for %d requests, %.4g for each: ", f.opened, f.requests, each)
	if each <= most {
		fmt.Fprintf(w, "within the budget of %v\n", most)
		return true
	}
	fmt.Fprintf(w, "over the budget of %v\n", most)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(f.new) > 0 {
		f.culprits(t)
	} else {
		f.closed(t)
	}
	f.byHost(t)
	t.Flush()
	return false
}

// culprits prints the new connections by reason, host and call site, the most first.
// Several stacks may lead to one call site.
func (f figures) culprits(w io.Writer) {
	type place struct{ reason, host, caller string }
	sums := make(map[place]*newConns)
	var rows []*newConns
	for _, n := range f.new {
		at := place{n.Reason, n.Host, n.Caller}
		sum := sums[at]
		if sum == nil {
			sum = &newConns{Reason: n.Reason, Host: n.Host, Caller: n.Caller}
			sums[at] = sum
			rows = append(rows, sum)
		}
		sum.Conns += n.Conns
		sum.Time += n.Time
	}
	slices.SortFunc(rows, func(a, b *newConns) int {
		return cmp.Or(cmp.Compare(b.Conns, a.Conns), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Caller, b.Caller))
	})
	fmt.Fprintf(w, "\nnew\ttook\treason\thost\tcost by\n")
	for i, n := range rows {
		if i == listed {
			more(w, len(rows)-i)
			break
		}
		fmt.Fprintf(w, "%d\t%v\t%s\t%s\t%s\n", n.Conns, n.Time.Round(10*time.Microsecond),
			printable(n.Reason), printable(cmp.Or(n.Host, "several hosts")), printable(n.Caller))
	}
}

// closed prints why connections were closed.
func (f figures) closed(w io.Writer) {
	type row struct {
		reason string
		n      uint64
	}
	var rows []row
	for reason, n := range f.lost {
		rows = append(rows, row{reason, n})
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.reason, b.reason)) })
	fmt.Fprintf(w, "\nclosed\treason\n")
	for i, r := range rows {
		if i == listed {
			more(w, len(rows)-i)
			break
		}
		fmt.Fprintf(w, "%d\t%s\n", r.n, printable(r.reason))
	}
}

// byHost prints the hosts, those with the most new connections first, and why they were new.
func (f figures) byHost(w io.Writer) {
	rows := slices.Clone(f.hosts)
	slices.SortStableFunc(rows, func(a, b hostStats) int { return cmp.Compare(b.Opened, a.Opened) })
	fmt.Fprintf(w, "\nnew\trequests\thost\treasons\n")
	for i, h := range rows {
		if i == listed {
			more(w, len(rows)-i)
			break
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\n", h.Opened, h.Requests, printable(h.Host), h.reasons())
	}
}

// reasons lists why connections to the host were new, the most frequent first. Other are
// the connections that no request has said to be new.
func (h hostStats) reasons() string {
	words := slices.SortedFunc(maps.Keys(h.New), func(a, b string) int {
		return cmp.Or(cmp.Compare(h.New[b], h.New[a]), cmp.Compare(a, b))
	})
	var (
		list []string
		told uint64
	)
	for _, word := range words {
		told += h.New[word]
		list = append(list, fmt.Sprintf("%d %s", h.New[word], printable(word)))
	}
	if told < h.Opened {
		list = append(list, fmt.Sprintf("%d other", h.Opened-told))
	}
	if len(list) > listed {
		list = append(list[:listed], fmt.Sprintf("and %d more", len(list)-listed))
	}
	return strings.Join(list, ", ")
}

func more(w io.Writer, n int) { fmt.Fprintf(w, "and %d more\n", n) }

// printable is s in one line.
func printable(s string) string {
	if q := strconv.Quote(s); len(q) != len(s)+2 {
		return q
	}
	return s
}
