package poolz

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// markup is a fragment of HTML. A page of 200 hosts has thousands of them, and a template takes
// for each what this takes for hundreds. What it is given goes through text, or is a literal of
// this file's.
type markup struct{ strings.Builder }

func (m *markup) raw(literal string) { m.WriteString(literal) }
func (m *markup) text(s string)      { template.HTMLEscape(m, []byte(s)) }
func (m *markup) html() template.HTML {
	return template.HTML(m.String()) // #nosec G203 -- raw takes literals only, text escapes
}

// badge is a word with an explanation.
func (m *markup) badge(kind, title, text string) {
	m.raw(`<span class="badge`)
	m.raw(kind)
	m.raw(`" title="`)
	m.text(title)
	m.raw(`">`)
	m.text(text)
	m.raw(`</span> `)
}

func (m *markup) small(text string) {
	m.raw("<small>")
	m.text(text)
	m.raw("</small>")
}

func (m *markup) none(text string) {
	m.raw(`<span class="none">`)
	m.text(text)
	m.raw(`</span>`)
}

// picture begins an SVG that says what it shows, in a space of w by h.
func (m *markup) picture(class string, w, h int, label string) {
	m.raw(`<svg class="`)
	m.raw(class)
	m.raw(`" viewBox="0 0 `)
	m.raw(strconv.Itoa(w))
	m.raw(` `)
	m.raw(strconv.Itoa(h))
	m.raw(`" preserveAspectRatio="none" role="img" aria-label="`)
	m.text(label)
	m.raw(`"><title>`)
	m.text(label)
	m.raw(`</title>`)
}

// bar is a part of a bar.
func (m *markup) bar(class string, x, width float64, h int) {
	m.raw(`<rect class="`)
	m.text(class)
	m.raw(`" x="`)
	m.raw(f1(x))
	m.raw(`" width="`)
	m.raw(f1(width))
	m.raw(`" height="`)
	m.raw(strconv.Itoa(h))
	m.raw(`"/>`)
}

// meter is use beside a limit; nothing if there is none.
func (m *markup) meter(used, limit int) {
	if limit <= 0 {
		return
	}
	class := "meter"
	if used >= limit {
		class = "meter full"
	}
	m.picture(class, 100, 6, num(used)+" of "+num(limit)+" in use")
	m.bar("room", 0, 100, 6)
	m.bar("used", 0, 100*min(1, float64(used)/float64(limit)), 6)
	m.raw("</svg>")
}

// reason is the word for one, which says what it means.
func (m *markup) reason(word string, kind kind, text string) {
	m.raw(`<code class="reason k-`)
	m.text(string(kind))
	m.raw(`" title="`)
	m.text(text)
	m.raw(`">`)
	m.text(word)
	m.raw(`</code>`)
}

// reasons is one bar of all, and the two most frequent.
func (m *markup) reasons(counts map[string]uint64) {
	all := shares(counts)
	if len(all) == 0 {
		m.none("none")
		return
	}
	var label strings.Builder
	label.WriteString("New connections: ")
	for i, s := range all[:min(6, len(all))] {
		if i > 0 {
			label.WriteString(", ")
		}
		label.WriteString(num(s.N) + " " + s.Reason)
	}
	m.picture("stack", 100, 8, label.String())
	for _, s := range all {
		m.bar("k-"+string(s.Kind), s.X, s.Width, 8)
	}
	m.raw("</svg>")
	for _, s := range all[:min(2, len(all))] {
		m.reason(s.Reason, s.Kind, s.Text)
		m.raw(" ")
		m.small(num(s.N))
		m.raw(" ")
	}
	if more := len(all) - 2; more > 0 {
		m.small("and " + num(more) + " more")
	}
}

// spark is the last minutes: requests, and in front of them those that got a new connection, on
// one scale.
func (m *markup) spark(points []point, w, h int) {
	label, peak, peakNew := "no history yet", 0.0, 0.0
	for i := range points {
		peak, peakNew = max(peak, float64(points[i].requestsPerSecond())), max(peakNew, float64(points[i].newPerSecond()))
	}
	if n := len(points); n > 0 {
		last := points[n-1]
		label = fmt.Sprintf("Requests a second over %s: %s now, %s at most; new connections: %s now, %s at most",
			dur(last.at.Sub(points[0].at).Seconds()+float64(points[0].seconds)), rate(float64(last.requestsPerSecond())), rate(peak), rate(float64(last.newPerSecond())), rate(peakNew))
	}
	m.picture("spark", w, h, label)
	top := max(peak, peakNew)
	m.area("req", points, peak, top, w, h, (*point).requestsPerSecond)
	m.area("new", points, peakNew, top, w, h, (*point).newPerSecond)
	m.raw(`<line class="base" x1="0" y1="`)
	m.raw(strconv.Itoa(h))
	m.raw(`" x2="`)
	m.raw(strconv.Itoa(w))
	m.raw(`" y2="`)
	m.raw(strconv.Itoa(h))
	m.raw(`"/></svg>`)
}

// area is one value over time, the last at the right.
func (m *markup) area(class string, points []point, peak, top float64, w, h int, value func(*point) float32) {
	if peak <= 0 {
		return
	}
	end := points[len(points)-1].at
	x := func(i int) int {
		return w - int(math.Round(float64(w)*end.Sub(points[i].at).Seconds()/historyFor.Seconds()))
	}
	var b []byte
	corner := func(x, y int) {
		b = append(strconv.AppendInt(b, int64(x), 10), ',')
		b = append(strconv.AppendInt(b, int64(y), 10), ' ')
	}
	corner(x(0), h)
	for i := 0; i < len(points); {
		v, from := float32(0), x(i)
		for ; i < len(points) && x(i) < from+2; i++ { // one each two units is enough
			v = max(v, value(&points[i]))
		}
		corner(x(i-1), h-int(math.Round(float64(v)/top*float64(h-1))))
	}
	corner(w, h)
	m.raw(`<polygon class="`)
	m.raw(class)
	m.raw(`" points="`)
	m.Write(b[:len(b)-1])
	m.raw(`"/>`)
}

// notes are what there is to know of a host beside its figures.
func (m *markup) notes(h *host) {
	if h.OnlyCounted() {
		m.badge("", "The Pool does not own these connections: what is said of them is what it believes by the requests alone.", "only counted")
	}
	if h.ServerIdleSeconds > 0 {
		m.badge("", "For how long the server keeps idle connections, as those that it has closed have shown.", "server idle "+dur(h.ServerIdleSeconds))
	}
	if h.Rotates {
		m.badge("", "Lookups of the name give now these and now other addresses.", "rotates")
	}
	if h.Resumed > 0 {
		m.badge("", num(h.Resumed)+" of "+num(h.Handshakes)+" TLS handshakes have resumed a session.", "resumed "+num(h.Resumed)+"/"+num(h.Handshakes))
	}
}

// trouble is what a host has that it should not have.
func (m *markup) trouble(f *figures) {
	before := m.Len()
	if f.Leaks > 0 {
		m.badge(" bad", "Bodies that were dropped without being closed.", num(f.Leaks)+" leaked")
	}
	if f.Suspected > 0 {
		m.badge(" warn", "Bodies that were open for longer than LeakAfter.", num(f.Suspected)+" suspected")
	}
	if f.Refused() > 0 {
		m.badge(" warn", f.RefusedHow(), num(f.Refused())+" refused")
	}
	if f.Undrained() > 0 {
		m.badge(" warn", "Connections that went with a body which was closed unread.", num(f.Undrained())+" unread")
	}
	if m.Len() == before {
		m.none("none")
	}
}
