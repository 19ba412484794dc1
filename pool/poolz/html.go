package poolz

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
)

func parsePage() *template.Template {
	return template.Must(template.New("poolz").Funcs(template.FuncMap{
		"figs": tilesOf, "spark": sparkOf, "meter": meterOf, "notes": notesOf, "reason": reasonOf, "failure": failureOf,
		"num": num, "rate": rate, "pct": pct, "dur": dur, "bytes": byteCount, "f1": f1, "stamp": stamp, "clock": clock,
		"stateClass": stateClass, "siteFile": siteFile, "siteFunc": siteFunc, "drained": drainedText, "refusal": refusalText,
	}).ParseFS(assets, "assets/page.tmpl"))
}

// view is a page as HTML.
type view struct {
	*page
	asked
	paused bool
}

func (w view) One() bool          { return w.asked.host != "" }
func (w view) OneName() string    { return cleanHost(w.asked.host) }
func (w view) QueryAsked() string { return w.page.Query }
func (w view) Counting() bool     { return w.SampledAt == nil }
func (w view) Refresh() bool      { return !w.paused }

// link is the page with these parameters. It begins with its query, so that it leads to the
// same path, wherever the Handler is mounted.
func (w view) link(host, query string, paused bool, format string) string {
	q := make(url.Values)
	for k, v := range map[string]string{"host": host, "q": query, "format": format} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if paused {
		q.Set("refresh", "0")
	}
	return "?" + q.Encode()
}

func (w view) Overview() string { return w.link("", "", w.paused, "") }
func (w view) Toggle() string   { return w.link(w.asked.host, w.asked.query, !w.paused, "") }
func (w view) JSON() string     { return w.link(w.asked.host, w.asked.query, false, "json") }

// Rows are the hosts'. A name that no URL should have has no link.
func (w view) Rows() []cells {
	all := make([]cells, len(w.Hosts))
	for i := range w.Hosts {
		h, link := &w.Hosts[i], ""
		if h.name != "" {
			link = w.link(h.name, "", w.paused, "")
		}
		all[i] = rowOf(h, link)
	}
	return all
}

func (w view) HostsNote() string {
	switch {
	case w.Query != "" && w.Matching > len(w.Hosts):
		return fmt.Sprintf("%s of %s match; those with the most traffic of late", num(w.Matching), num(w.HostCount))
	case w.Query != "":
		return fmt.Sprintf("%s of %s match", num(w.Matching), num(w.HostCount))
	case w.Matching > len(w.Hosts):
		return fmt.Sprintf("%s of %s, those with the most traffic of late", num(len(w.Hosts)), num(w.HostCount))
	}
	return num(w.HostCount) + ", those with the most traffic of late first"
}

func (w view) ConnsNote() string {
	h := w.Hosts[0]
	if n := h.Open + h.Dialing; len(w.Connections) >= connsMost && n > len(w.Connections) {
		return fmt.Sprintf("%s of %s", num(len(w.Connections)), num(n))
	}
	return num(len(w.Connections))
}

func (w view) InFlightNote() string {
	n := w.Pool.InUse
	if w.One() {
		n = w.Hosts[0].InUse
	}
	if len(w.InFlight) > 0 && n > len(w.InFlight) {
		return fmt.Sprintf("the oldest %s of %s", num(len(w.InFlight)), num(n))
	}
	return num(n)
}

// group are requests in flight that are alike; the request is the oldest.
type group struct {
	request
	Number int
}

func (w view) InFlightGroups() (groups []group) {
	for _, r := range w.InFlight { // the oldest comes first
		i := slices.IndexFunc(groups, func(g group) bool {
			g.AgeSeconds = r.AgeSeconds
			return g.request == r
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{request: r})
		}
		groups[i].Number++
	}
	return groups
}

// tiles are the figures that head a page.
type tiles struct {
	*figures
	IsHost bool
}

func tilesOf(w view, h any) tiles {
	if h, ok := h.(host); ok {
		return tiles{&h.figures, true}
	}
	return tiles{&w.Pool, false}
}

func (f *figures) Points() []point     { return f.points }
func (f *figures) NewShares() []share  { return shares(f.New) }
func (f *figures) LostShares() []share { return shares(f.Lost) }
func (f *figures) Refused() uint64     { return f.QueueFull + f.WaitTimeouts + f.Hopeless + f.Shed }
func (f *figures) NotDrained() uint64  { return f.GaveUp + f.DrainTimedOut + f.DrainSkipped }
func (f *figures) Undrained() uint64   { return max(f.Lost["body_unread"], f.New["body_unread"]) }
func (f *figures) MeanWait() float64   { return f.WaitSeconds / float64(max(f.Waits, 1)) }

// OpenHow says what the open connections do.
func (f *figures) OpenHow() string {
	how := num(f.Active) + " in use, " + num(f.Idle) + " idle"
	if f.Dialing > 0 {
		how += ", " + num(f.Dialing) + " dialing"
	}
	return how
}

func (f *figures) RefusedHow() string {
	var parts []string
	for _, r := range []struct {
		n    uint64
		word string
	}{{f.QueueFull, "queue full"}, {f.WaitTimeouts, "waited too long"}, {f.Hopeless, "hopeless"}, {f.Shed, "shed"}} {
		if r.n > 0 {
			parts = append(parts, num(r.n)+" "+r.word)
		}
	}
	if parts == nil {
		return "no limit has refused any"
	}
	return strings.Join(parts, ", ")
}

func sparkOf(points []point, w, h int) template.HTML {
	var m markup
	m.spark(points, w, h)
	return m.html()
}

func meterOf(used, limit int) template.HTML {
	var m markup
	m.meter(used, limit)
	return m.html()
}

func notesOf(h host) template.HTML {
	var m markup
	m.notes(&h)
	return m.html()
}

func reasonOf(word string) template.HTML {
	var m markup
	if word == "" {
		m.none("–")
	} else {
		e := explain(word)
		m.reason(word, e.kind, e.text)
	}
	return m.html()
}

// failureOf is the class of an error.
func failureOf(class string) template.HTML {
	var m markup
	e := failed(class)
	m.reason(class, e.kind, e.text)
	return m.html()
}

// SentAgain is how many segments were sent again, as far as it is known.
func (c conn) SentAgain() int {
	if c.Retransmits == nil {
		return 0
	}
	return *c.Retransmits
}

// Whose is the call site of whoever is to blame, if one is: who has paid for a connection is not.
func (h happens) Whose() string {
	if h.What == eventNew {
		return h.Culprit
	}
	return h.Caller
}

// OnlyCounted: the Pool does not own its connections. Of one that has none it is not known.
func (h host) OnlyCounted() bool { return !h.Watched && h.Opened > 0 }
