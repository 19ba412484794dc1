package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// The picture is a grid of panels: a column for each network, a row for each
// framing and one for the bodies that end late or never.
const (
	panelWidth  = 176
	panelHeight = 140
	gapX        = 16
	gapY        = 50
	lineHeight  = 18
	leftMargin  = 96
	titleHeight = 54
	margin      = 24
)

// chart lays the results out.
type chart struct {
	*svg
	r    *report
	rows []panelRow
}

// panelRow is what one row of panels has on its x axis: from 0 to 1.
type panelRow struct {
	title  string
	axis   string
	ticks  []tick
	place  func(cell) (x float64, in bool)
	curves bool // lines through the cells
	// low and high are the ratios at the bottom and the top; infinite ones are
	// drawn there.
	low, high float64
}

type tick struct {
	at    float64
	label string
}

// column is one network.
type column struct {
	tls bool
	rtt time.Duration
}

func (r *report) writeSVG(w io.Writer) error {
	c := &chart{r: r, rows: panelRows(r.results)}
	columns := columnsOf(r.results)
	width := leftMargin + len(columns)*(panelWidth+gapX) - gapX + margin
	width = max(width, 760)
	at, labels, top := r.legend(width)
	height := top + len(c.rows)*(panelHeight+gapY) + margin
	c.svg = newSVG(width, height, "Time lost to bodies closed unread, against the best choice in hindsight")
	c.heading(at, labels)
	for i, col := range columns {
		x := float64(leftMargin + i*(panelWidth+gapX))
		c.text("head", "middle", x+panelWidth/2, float64(top-10), col.String())
		for j, row := range c.rows {
			c.panel(x, float64(top+j*(panelHeight+gapY)), col, row, i == 0)
		}
	}
	return c.writeTo(w)
}

func (c column) String() string {
	protocol := "plain"
	if c.tls {
		protocol = "TLS"
	}
	return fmt.Sprintf("%s, RTT %g ms", protocol, float64(c.rtt)/1e6)
}

func columnsOf(results []*result) []column {
	var all []column
	for _, r := range results {
		if col := (column{r.tls, r.rtt}); !slices.Contains(all, col) {
			all = append(all, col)
		}
	}
	return all
}

// panelRows are the rows for which there are results.
func panelRows(results []*result) []panelRow {
	var rows []panelRow
	var sizes []int
	var others []string
	for _, r := range results {
		if r.framed() && !slices.Contains(sizes, r.size) {
			sizes = append(sizes, r.size)
		}
		if !r.framed() && !slices.Contains(others, r.body) {
			others = append(others, r.body)
		}
	}
	slices.Sort(sizes)
	for _, body := range framings {
		has := func(r *result) bool { return r.body == body }
		if !slices.ContainsFunc(results, has) {
			continue
		}
		row := panelRow{title: body, axis: "size of the body", curves: true}
		x := func(size int) float64 {
			if len(sizes) == 1 {
				return 0.5
			}
			first, last := math.Log(float64(sizes[0])), math.Log(float64(sizes[len(sizes)-1]))
			return 0.05 + 0.9*(math.Log(float64(size))-first)/(last-first)
		}
		for _, size := range sizes {
			label := strings.TrimSuffix(strings.TrimSuffix(bytesName(size), "iB"), "B")
			row.ticks = append(row.ticks, tick{x(size), label})
		}
		row.low, row.high = extremes(results, cell.framed)
		row.place = func(c cell) (float64, bool) { return x(c.size), c.body == body }
		rows = append(rows, row)
	}
	if len(others) == 0 {
		return rows
	}
	row := panelRow{title: "late, endless", axis: "kind of body"}
	row.low, row.high = extremes(results, func(c cell) bool { return !c.framed() })
	x := func(body string) float64 {
		return (float64(slices.Index(others, body)) + 0.5) / float64(len(others))
	}
	for _, body := range others {
		row.ticks = append(row.ticks, tick{x(body), map[string]string{late: "late", slow: "∞ slow", fast: "∞ fast"}[body]})
	}
	row.place = func(c cell) (float64, bool) { return x(c.body), !c.framed() }
	return append(rows, row)
}

// extremes are the ends of a scale that all finite ratios of some cells fit in.
// Below 1 there is noise, and what net/http drains in the background.
func extremes(results []*result, has func(cell) bool) (low, high float64) {
	low, high = 0.6, 8
	for _, r := range results {
		for _, s := range r.scores {
			if has(r.cell) && !math.IsInf(s.ratio, 1) {
				low, high = min(low, s.ratio), max(high, s.ratio)
			}
		}
	}
	return low / 1.25, high * 1.25
}

// legend places the policies' names, below the lines of the heading, and says
// where the panels may begin.
func (r *report) legend(width int) (at []point, labels []string, top int) {
	x, y := float64(margin), float64(titleHeight+lineHeight*(len(r.header)+1)+10)
	for _, s := range r.summaries {
		label := fmt.Sprintf("%s (mean %s)", s.policy, times(s.mean))
		wide := 44 + 7.9*float64(len([]rune(label)))
		if x+wide > float64(width-margin) {
			x, y = margin, y+22
		}
		at, labels = append(at, point{x, y}), append(labels, label)
		x += wide
	}
	return at, labels, int(y) + 42
}

// heading is the title, what ran, and the legend.
func (c *chart) heading(at []point, labels []string) {
	c.text("title", "start", margin, 34, "Closing a body unread: time lost, against the best choice in hindsight")
	for i, line := range append(c.r.header, "1× is the better of always close and always drain. Hollow marks: times too close to tell apart. ∞: never ends.") {
		c.text("note", "start", margin, float64(titleHeight+lineHeight*i), line)
	}
	for i, p := range at {
		c.line("line "+c.class(i), dash(i, c.class(i)), []point{{p.x, p.y - 4}, {p.x + 32, p.y - 4}})
		c.mark("mark "+c.class(i), c.shape(i), point{p.x + 16, p.y - 4}, 3.6)
		c.text("", "start", p.x+38, p.y, labels[i])
	}
}

// class is the colour of a policy.
func (c *chart) class(i int) string {
	if i == len(c.r.lab.policies)-1 {
		return "kit"
	}
	return fmt.Sprintf("p%d", i)
}

// shape is the mark of a policy: the kit's is round.
func (c *chart) shape(i int) int {
	if c.class(i) == "kit" {
		return -1
	}
	return i
}

func dash(i int, class string) string {
	if class == "kit" {
		return "none"
	}
	return [...]string{"none", "7 3", "2 3", "9 3 2 3", "5 2 1 2 1 2", "12 4"}[i%6]
}
