package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is a finished run.
type report struct {
	lab        *lab
	header     []string // what ran, where and how
	results    []*result
	summaries  []summary
	unresolved int
}

// write prints the summary, where the kit did worst, and with all every cell.
func (r *report) write(w io.Writer, all bool) error {
	for _, line := range r.header {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "%d cells, %d of them not resolved and left out of the means\n\n", len(r.results), r.unresolved)
	r.writeSummary(w)
	if all {
		r.writeCells(w, r.results)
	} else {
		worst := slices.SortedStableFunc(slices.Values(r.results), func(a, b *result) int {
			return cmp.Compare(r.kit(b).ratio, r.kit(a).ratio)
		})
		fmt.Fprintln(w, "\nwhere the kit is worst (all cells: -v, or -out DIR):")
		r.writeCells(w, worst[:min(8, len(worst))])
	}
	_, err := fmt.Fprint(w, `
A ratio is the time that a request loses by the rest of its body (draining it, or the new connection that the
next request needs) over what it loses under the better of always close and always drain in that cell.
base: a request without a body. C: what a lost connection costs. res: below it times can't be told apart here.
gross: the same ratio of whole requests, the base not taken off. `+unresolvedMark+`: not resolved.
`)
	return err
}

const unresolvedMark = "?"

func (r *report) kit(x *result) score { return x.scores[len(x.scores)-1] }

func (r *report) writeSummary(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "policy\tmean\tgeometric\tgross\tworst\tworst where C >= 1ms")
	for _, s := range r.summaries {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%v\t%v\n", s.policy, times(s.mean), times(s.geo), times(s.gross), s.worst, s.worthy)
	}
	tw.Flush()
	fmt.Fprint(w, "\nmeans by group\n")
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	fmt.Fprintf(tw, "policy\t%s\n", strings.Join(names, "\t"))
	for _, s := range r.summaries {
		fmt.Fprint(tw, s.policy)
		for _, x := range s.by {
			fmt.Fprintf(tw, "\t%s", times(x))
		}
		fmt.Fprintln(tw)
	}
	tw.Flush()
}

func (r *report) writeCells(w io.Writer, results []*result) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "cell\tn\tbase\tC\tbest\tres")
	for _, p := range r.lab.policies {
		fmt.Fprintf(tw, "\t%s", p.name)
	}
	fmt.Fprintln(tw)
	for _, x := range results {
		mark := ""
		if !x.resolved(r.lab) {
			mark = unresolvedMark
		}
		fmt.Fprintf(tw, "%s%s\t%d×%d\t%s\t%s\t%s\t%s", x.cell, mark, x.rounds, x.requests,
			short(x.base), short(x.conn), short(x.best), short(x.resolution))
		for _, s := range x.scores {
			fmt.Fprintf(tw, "\t%s", times(s.ratio))
		}
		fmt.Fprintln(tw)
	}
	tw.Flush()
}

// short prints seconds with about three digits.
func short(s float64) string {
	if math.IsInf(s, 1) {
		return "∞"
	}
	d := time.Duration(s * 1e9)
	switch a := math.Abs(s); {
	case a >= 0.1:
		return d.Round(time.Millisecond).String()
	case a >= 1e-3:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}
