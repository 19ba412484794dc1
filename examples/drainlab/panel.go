package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// panel draws one network and one row of cells; with labels at the first.
func (c *chart) panel(x, y float64, col column, row panelRow, first bool) {
	c.scale(x, y, row, first)
	var here []*result
	for _, r := range c.r.results {
		if _, in := row.place(r.cell); in && r.tls == col.tls && r.rtt == col.rtt {
			here = append(here, r)
		}
	}
	slices.SortStableFunc(here, func(a, b *result) int {
		ax, _ := row.place(a.cell)
		bx, _ := row.place(b.cell)
		return cmp.Compare(ax, bx)
	})
	for i := range c.r.lab.policies {
		class := c.class(i)
		var points []point
		for _, r := range here {
			at, _ := row.place(r.cell)
			p := point{x + at*panelWidth, row.height(y, r.scores[i].ratio)}
			if !row.curves {
				// Side by side.
				p.x += (float64(i) - float64(len(c.r.lab.policies)-1)/2) * 8
			}
			points = append(points, p)
		}
		if row.curves {
			c.line("line "+class, dash(i, class), points)
		}
		for j, r := range here {
			look := "mark " + class
			if !r.resolved(c.r.lab) {
				look += " hollow"
			}
			if math.IsInf(r.scores[i].ratio, 1) {
				c.text("tick", "middle", points[j].x, y-5, "∞")
			}
			c.mark(look, c.shape(i), points[j], 3)
		}
	}
}

// scale draws the panel's frame, the lines of its ratios and what is below.
func (c *chart) scale(x, y float64, row panelRow, first bool) {
	for _, ratio := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000} {
		round := math.Log10(ratio) == math.Round(math.Log10(ratio))
		if ratio < row.low || ratio > row.high || !round && row.high > 1000*row.low {
			continue
		}
		class := "grid"
		if ratio == 1 {
			class = "one"
		}
		at := row.height(y, ratio)
		c.segment(class, x, at, x+panelWidth, at)
		if first {
			c.text("tick", "end", x-7, at+4, fmt.Sprintf("%g×", ratio))
		}
	}
	for _, t := range row.ticks {
		c.text("tick", "middle", x+t.at*panelWidth, y+panelHeight+16, t.label)
		if row.curves {
			c.segment("grid", x+t.at*panelWidth, y, x+t.at*panelWidth, y+panelHeight)
		}
	}
	c.rect("frame", x, y, panelWidth, panelHeight)
	if first {
		c.sideways("head", 22, y+panelHeight/2, row.title)
		c.sideways("tick", 42, y+panelHeight/2, "lost / best possible")
	}
	c.text("note", "middle", x+panelWidth/2, y+panelHeight+31, row.axis)
}

// height is where a ratio stands in the panel at y, by its logarithm.
func (row *panelRow) height(y, ratio float64) float64 {
	return y + panelHeight*(1-math.Log(min(ratio, row.high)/row.low)/math.Log(row.high/row.low))
}
