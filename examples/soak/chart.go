package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"time"
)

// The picture is panels below each other, all with the same time from left to right.
const (
	leftMargin, panelWidth, rightMargin = 84, 640, 216
	topMargin, panelHeight, gap         = 112, 96, 42
)

// series is a line of a panel.
type series struct {
	class string
	label string
	at    func(before, now sample) float64 // NaN: no point
}

// panel is one of them.
type panel struct {
	title string
	lines []series
	log   bool                 // the scale is logarithmic
	unit  func(float64) string // prints a tick
	floor float64              // the least value of the scale
	most  float64              // its largest; 0: that of the lines
}

func whole(v float64) string  { return fmt.Sprintf("%.4g", v) }
func share(v float64) string  { return fmt.Sprintf("%.0f %%", v) }
func mebi(v float64) string   { return fmt.Sprintf("%.0f MiB", v) }
func millis(v float64) string { return short(time.Duration(v * 1e6)) }

// each has one line for bare net/http, and one for the kit. Total is what stands behind a line's
// name, of the whole run.
func (r *report) each(name, class string, total func(*counts) string, at func(before, now look, seconds float64) float64) []series {
	line := func(variant, title string, n *counts, whose func(sample) look) series {
		return series{variant + class, name + title + " " + total(n), func(before, now sample) float64 {
			return at(whose(before), whose(now), (now.at - before.at).Seconds())
		}}
	}
	return []series{
		line("bare", "net/http", &r.bare, func(s sample) look { return s.bare }),
		line("kit", "the kit", &r.kit, func(s sample) look { return s.kit }),
	}
}

// took are the lines of a quantile.
func (r *report) took(name, class string, total func(*counts) time.Duration, of func(look) time.Duration) []series {
	return r.each(name+" ", class, func(n *counts) string { return short(total(n)) }, func(_, now look, _ float64) float64 {
		if d := of(now); d > 0 {
			return float64(d) / 1e6
		}
		return math.NaN()
	})
}

// one is a line of the whole process, or of what only the kit has.
func one(name, class string, value func(sample) float64) series {
	return series{"one" + class, name, func(_, now sample) float64 { return value(now) }}
}

func (r *report) panels() []panel {
	last := &r.samples[len(r.samples)-1]
	all := []panel{
		{title: "requests/s", unit: whole, lines: r.each("", "", func(n *counts) string { return fmt.Sprintf("%.0f", float64(n.requests)/r.length.Seconds()) },
			func(before, now look, seconds float64) float64 {
				return float64(now.n.requests-before.n.requests) / seconds
			})},
		{title: "reused connections", unit: share, most: 100, lines: r.each("", "", func(n *counts) string { return fmt.Sprintf("%.1f %%", n.reuse()) },
			func(before, now look, _ float64) float64 {
				if now.n.conns == before.n.conns {
					return math.NaN()
				}
				return 100 * float64(now.n.reused-before.n.reused) / float64(now.n.conns-before.n.conns)
			})},
		{title: "time to the end of the body", unit: millis, log: true, floor: .1, lines: append(
			r.took("p50", " thin", func(n *counts) time.Duration { return n.p50 }, func(l look) time.Duration { return l.p50 }),
			r.took("p99", "", func(n *counts) time.Duration { return n.p99 }, func(l look) time.Duration { return l.p99 })...)},
		{title: "failed requests/s", unit: whole, lines: r.each("", "", func(n *counts) string { return fmt.Sprintf("%d in all", n.failed) },
			func(before, now look, seconds float64) float64 {
				return float64(now.n.failed-before.n.failed) / seconds
			})},
		{title: "open connections", unit: whole, lines: append(r.each("", "", func(n *counts) string { return fmt.Sprintf("%d at the end", n.leftOpen) },
			func(_, now look, _ float64) float64 { return float64(now.open) }),
			one("the kit's slots in use", "", func(s sample) float64 { return float64(s.slots) }))},
		{title: "goroutines, descriptors", unit: whole, lines: []series{
			one(fmt.Sprintf("goroutines, %d at the end", last.goroutines), "", func(s sample) float64 { return float64(s.goroutines) })}},
		{title: "heap", unit: mebi, lines: []series{
			one(fmt.Sprintf("%.1f MiB at the end", last.heap/(1<<20)), "", func(s sample) float64 { return s.heap / (1 << 20) })}},
	}
	if last.descriptors >= 0 {
		all[5].lines = append(all[5].lines, one(fmt.Sprintf("descriptors, %d", last.descriptors), " thin", func(s sample) float64 { return float64(s.descriptors) }))
	}
	return all
}

// writeSVG draws the picture into a file.
func (r *report) writeSVG(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := r.draw().write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func (r *report) draw() *element {
	all := r.panels()
	width, height := leftMargin+panelWidth+rightMargin, topMargin+len(all)*(panelHeight+gap)+40
	pic := el("svg", "xmlns", "http://www.w3.org/2000/svg", "viewBox", fmt.Sprintf("0 0 %d %d", width, height), "width", width, "height", height, "role", "img")
	title := el("title")
	title.Text = "A soak of the kit and of bare net/http"
	looks := el("style")
	looks.Text = style
	pic.add(title, looks, el("rect", "class", "back", "width", width, "height", height),
		text("title", "start", 16, 32, "The kit and bare net/http in turns, good and bad callers, misbehaving servers"),
		text("note", "start", 16, 54, "go run ./examples/soak -for %v, %s, GOMAXPROCS %d, loopback; %d requests each", r.length, runtime.Version(), runtime.GOMAXPROCS(0), r.kit.requests),
		text("note", "start", 16, 72, "goroutines, descriptors and heap are of the whole process, the servers and both variants; at the right edge everything is closed"))
	for i, p := range all {
		r.panel(pic, float64(topMargin+i*(panelHeight+gap)), &p)
	}
	bottom := float64(topMargin + len(all)*(panelHeight+gap) - gap)
	step := timeStep(r.length)
	for at := time.Duration(0); at <= r.length; at += step {
		pic.add(text("tick", "middle", r.x(at), bottom+18, "%s", clock(at)))
	}
	pic.add(text("note", "middle", leftMargin+panelWidth/2, bottom+38, "time since the start"))
	return pic
}

// x is where a moment stands.
func (r *report) x(at time.Duration) float64 {
	return leftMargin + panelWidth*float64(at)/float64(r.samples[len(r.samples)-1].at)
}

// panel draws one panel into pic.
func (r *report) panel(pic *element, y float64, p *panel) {
	lines := make([][]point, len(p.lines)) // of values, first
	top, least := p.most, math.Inf(1)
	last := sample{}
	for _, now := range r.samples {
		if now.at-last.at < r.length/(4*most) {
			continue // too soon after the last one, on a busy machine: a rate would mean nothing
		}
		for j, l := range p.lines {
			if now.ended && !strings.HasPrefix(l.class, "one") {
				continue
			}
			if v := l.at(last, now); !math.IsNaN(v) && !math.IsInf(v, 0) {
				lines[j] = append(lines[j], point{r.x(now.at), v})
				top, least = max(top, v), min(least, v)
			}
		}
		last = now
	}
	s := newScale(p, least, top)
	pic.add(text("head", "start", leftMargin, y-8, "%s", p.title))
	for _, v := range s.ticks {
		at := y + panelHeight*(1-s.place(v))
		pic.add(segment("grid", leftMargin, at, leftMargin+panelWidth, at), text("tick", "end", leftMargin-7, at+4, "%s", p.unit(v)))
	}
	pic.add(segment("grid", r.x(r.length), y, r.x(r.length), y+panelHeight), el("rect", "class", "frame", "x", leftMargin, "y", y, "width", panelWidth, "height", panelHeight))
	var labels []label
	for j, l := range p.lines {
		if len(lines[j]) == 0 {
			continue
		}
		for i := range lines[j] {
			lines[j][i].y = y + panelHeight*(1-s.place(lines[j][i].y))
		}
		pic.add(polyline("line "+l.class, lines[j]))
		labels = append(labels, label{lines[j][len(lines[j])-1].y + 4, l.class, l.label})
	}
	for _, l := range apart(labels, y+8, y+panelHeight) {
		pic.add(text(l.class, "start", leftMargin+panelWidth+8, l.y, "%s", l.text))
	}
}
