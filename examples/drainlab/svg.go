package main

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// svg is a picture in the making: a few shapes, whose looks are in its style
// sheet, for a light background and a dark one.
type svg struct{ b strings.Builder }

// The colours are those of Okabe and Ito, which the colour-blind can tell apart;
// dashes and marks tell the lines apart without any. No variables and no nesting:
// not only browsers draw it.
const style = `
text { fill: #24292f; font-size: 13px; font-family: "DejaVu Sans", Verdana, sans-serif; }
.title { font-size: 19px; font-weight: bold; }
.head { font-size: 14px; font-weight: bold; }
.tick { font-size: 12px; fill: #57606a; }
.note { font-size: 12.5px; fill: #57606a; }
.back { fill: #ffffff; }
.frame { fill: none; stroke: #8c959f; }
.grid { stroke: #d8dee4; }
.one { stroke: #6e7781; stroke-width: 1.5; }
.line, .mark { stroke-width: 1.8; stroke-linejoin: round; }
.p0 { stroke: #56b4e9; fill: #56b4e9; }
.p1 { stroke: #0072b2; fill: #0072b2; }
.p2 { stroke: #e69f00; fill: #e69f00; }
.p3 { stroke: #cc79a7; fill: #cc79a7; }
.p4 { stroke: #009e73; fill: #009e73; }
.p5 { stroke: #7f6000; fill: #7f6000; }
.kit { stroke: #d55e00; fill: #d55e00; }
.line.kit { stroke-width: 3.4; }
.line, .mark.hollow { fill: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .tick, .note { fill: #9ea7b3; }
  .back { fill: #0d1117; }
  .frame { stroke: #6e7681; }
  .grid { stroke: #272d35; }
  .one { stroke: #9ea7b3; }
  .p1 { stroke: #8f86ff; fill: #8f86ff; }
  .p5 { stroke: #c9a75a; fill: #c9a75a; }
  .kit { stroke: #ff7b2e; fill: #ff7b2e; }
  .line, .mark.hollow { fill: none; }
}
`

func newSVG(width, height int, title string) *svg {
	s := new(svg)
	fmt.Fprintf(&s.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&s.b, "<title>%s</title>\n<style>%s</style>\n", html.EscapeString(title), style)
	s.rect("back", 0, 0, float64(width), float64(height))
	return s
}

func (s *svg) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(&s.b, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`+"\n",
		class, anchor, x, y, html.EscapeString(text))
}

// sideways is text that is read from below.
func (s *svg) sideways(class string, x, y float64, text string) {
	fmt.Fprintf(&s.b, `<text class="%s" text-anchor="middle" transform="translate(%.1f %.1f) rotate(-90)">%s</text>`+"\n",
		class, x, y, html.EscapeString(text))
}

func (s *svg) rect(class string, x, y, w, h float64) {
	fmt.Fprintf(&s.b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`+"\n", class, x, y, w, h)
}

func (s *svg) segment(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&s.b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

// line goes through the points, dashed if dash is not empty.
func (s *svg) line(class, dash string, points []point) {
	var at []string
	for _, p := range points {
		at = append(at, fmt.Sprintf("%.1f,%.1f", p.x, p.y))
	}
	fmt.Fprintf(&s.b, `<polyline class="%s" stroke-dasharray="%s" points="%s"/>`+"\n", class, dash, strings.Join(at, " "))
}

type point struct{ x, y float64 }

// mark is a shape at a point; kinds repeat.
func (s *svg) mark(class string, kind int, at point, r float64) {
	shapes := [...][]point{
		{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}},
		{{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}},
		{{-1.2, 1}, {0, -1.2}, {1.2, 1}},
		{{-1.2, -1}, {0, 1.2}, {1.2, -1}},
		{{-1.3, -.4}, {1.3, -.4}, {1.3, .4}, {-1.3, .4}},
		{{-.4, -1.3}, {.4, -1.3}, {.4, 1.3}, {-.4, 1.3}},
	}
	if kind < 0 {
		fmt.Fprintf(&s.b, `<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"/>`+"\n", class, at.x, at.y, r)
		return
	}
	var d strings.Builder
	for i, p := range shapes[kind%len(shapes)] {
		d.WriteByte("ML"[min(i, 1)])
		fmt.Fprintf(&d, "%.1f %.1f", at.x+p.x*r, at.y+p.y*r)
	}
	fmt.Fprintf(&s.b, `<path class="%s" d="%sZ"/>`+"\n", class, d.String())
}

func (s *svg) writeTo(w io.Writer) error {
	_, err := io.WriteString(w, s.b.String()+"</svg>\n")
	return err
}
