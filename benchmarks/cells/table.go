package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// table is in Markdown, each column as wide as it must be: one for each stack,
// with three figures.
type table struct{ lines [][]string }

func (l *lab) table() table {
	var rows []row
	for _, r := range l.results {
		rows = append(rows, r.row())
	}
	names := []string{"cell: wall, cpu, allocations", "bare: µs, µs"}
	for _, s := range l.stacks[1:] {
		names = append(names, s.name)
	}
	t := table{lines: [][]string{names}}
	for _, r := range rows {
		line := []string{r.cell.String(), fmt.Sprintf("%.1f %.1f %s", r.bare.wall, r.bare.cpu, count(r.bare.allocs))}
		for _, f := range r.stacks[1:] {
			line = append(line, f.ratios())
		}
		t.lines = append(t.lines, line)
	}
	t.summarize(rows, len(l.stacks))
	t.compare(rows, slices.IndexFunc(l.stacks, func(s stack) bool { return s.name == other }), len(l.stacks))
	return t
}

// summarize adds what the cells say together. The worst is each figure's own: the
// cell that is worst in one may not be in another.
func (t *table) summarize(rows []row, stacks int) {
	http1 := func(r row) bool { return r.cell.protocol.major == 1 }
	parts := []struct {
		name string
		in   func(row) bool
	}{
		{"all", func(row) bool { return true }},
		{"HTTP/1", http1},
		{"HTTP/2", func(r row) bool { return !http1(r) }},
	}
	for _, p := range parts {
		part := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !p.in(r) })
		if len(part) == 0 {
			continue
		}
		mid, worst := []string{"median, " + p.name, ""}, []string{"worst, " + p.name, ""}
		for i := 1; i < stacks; i++ {
			mid = append(mid, over(part, i, median).ratios())
			worst = append(worst, over(part, i, slices.Max).ratios())
		}
		t.lines = append(t.lines, mid, worst)
	}
	for _, f := range []struct {
		name string
		of   func(figures) float64
	}{
		{"worst cell, wall", func(f figures) float64 { return f.wall }},
		{"worst cell, cpu", func(f figures) float64 { return f.cpu }},
	} {
		line := []string{f.name, ""}
		for i := 1; i < stacks; i++ {
			worst := slices.MaxFunc(rows, func(a, b row) int { return cmp.Compare(f.of(a.stacks[i]), f.of(b.stacks[i])) })
			line = append(line, worst.cell.String())
		}
		t.lines = append(t.lines, line)
	}
}

// compare adds what each stack adds beside what otelhttp adds.
func (t *table) compare(rows []row, to, stacks int) {
	if to < 0 {
		return
	}
	mid, all := []string{"of what otelhttp adds, median", ""}, []string{"of what otelhttp adds, together", ""}
	for i := 1; i < stacks; i++ {
		m, a := share(rows, i, to)
		mid, all = append(mid, m.shares()), append(all, a.shares())
	}
	t.lines = append(t.lines, mid, all)
}

func (f figures) ratios() string {
	sign := "+"
	if f.allocs < 0 {
		sign = ""
	}
	return fmt.Sprintf("%.2f %.2f %s%s", f.wall, f.cpu, sign, count(f.allocs))
}

func (f figures) shares() string { return fmt.Sprintf("%.2f %.2f %.2f", f.wall, f.cpu, f.allocs) }

// count shows a tenth where it is not a whole number: with many workers, and where
// something is allocated now and then.
func count(n float64) string {
	s := strconv.FormatFloat(n, 'f', 1, 64)
	if s == "-0.0" {
		s = "0.0"
	}
	return strings.TrimSuffix(s, ".0")
}

func (t table) write(w io.Writer) error {
	width := make([]int, len(t.lines[0]))
	for _, line := range t.lines {
		for i, s := range line {
			width[i] = max(width[i], len([]rune(s)))
		}
	}
	var b strings.Builder
	for n, line := range t.lines {
		for i, s := range line {
			fmt.Fprintf(&b, "| %-*s ", width[i], s)
		}
		b.WriteString("|\n")
		if n == 0 {
			b.WriteString(strings.Repeat("|---", len(line)) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
