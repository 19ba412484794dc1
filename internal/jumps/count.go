package main

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"text/tabwriter"
)

// request is what the driver prints of one request, and of building the client.
type request struct {
	Name    string
	Entries []entry
}

// entry is a call of a function, as in testdata/jumplog.go.
type entry struct {
	File, Func string
	Accessor   bool
}

// counts is what is counted of one request.
type counts struct {
	entered, distinct, files, jumps, back, packages int
}

func count(entries []entry) counts {
	c := counts{entered: len(entries)}
	funcs := make(map[entry]bool)
	files := make(map[string]bool)
	for i, e := range entries {
		if i > 0 && e.File != entries[i-1].File {
			c.jumps++
			if files[e.File] {
				c.back++
			}
			if path.Dir(e.File) != path.Dir(entries[i-1].File) {
				c.packages++
			}
		}
		funcs[e], files[e.File] = true, true
	}
	c.distinct, c.files = len(funcs), len(files)
	return c
}

// without returns the runs without the entries that leave selects.
func without(runs [][]request, leave func(entry) bool) [][]request {
	out := make([][]request, len(runs))
	for i, run := range runs {
		for _, r := range run {
			out[i] = append(out[i], request{r.Name, slices.DeleteFunc(slices.Clone(r.Entries), leave)})
		}
	}
	return out
}

func isAnAccessor(e entry) bool { return e.Accessor }

// isOf selects the entries of a package.
func isOf(dir string) func(entry) bool {
	return func(e entry) bool { return path.Dir(e.File) == dir }
}

// writeCalls writes the entries of a run, one file a line, in their order.
func writeCalls(w io.Writer, run []request) {
	for _, r := range run {
		fmt.Fprintf(w, "%s:", r.Name)
		file := ""
		for _, e := range r.Entries {
			if e.File != file {
				file = e.File
				fmt.Fprintf(w, "\n  %s:", file)
			}
			fmt.Fprintf(w, " %s", e.Func)
		}
		fmt.Fprint(w, "\n\n")
	}
}

// writeTable writes a row for each request: that of the run with the median of
// jumps, and the least and the most of them. Every run has the same requests.
func writeTable(w io.Writer, runs [][]request) {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "| request\t| functions entered\t| distinct\t| files\t| jumps between files\t| jumps back into a file already left\t| jumps between packages\t| jumps in all runs\t|")
	fmt.Fprintln(t, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for i, r := range runs[0] {
		all := make([]counts, len(runs))
		for j := range runs {
			all[j] = count(runs[j][i].Entries)
		}
		slices.SortStableFunc(all, func(a, b counts) int { return cmp.Compare(a.jumps, b.jumps) })
		c := all[len(all)/2]
		fmt.Fprintf(t, "| %s\t| %d\t| %d\t| %d\t| %d\t| %d\t| %d\t| %d to %d\t|\n",
			r.Name, c.entered, c.distinct, c.files, c.jumps, c.back, c.packages, all[0].jumps, all[len(all)-1].jumps)
	}
}
