package poolz

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

func parsePage() *template.Template {
	return template.Must(template.New("poolz").Funcs(template.FuncMap{
		"figs": tilesOf, "spark": sparkOf, "meter": meterOf, "notes": notesOf, "reason": reasonOf,
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

// Whose is the call site of whoever is to blame, if one is: who has paid for a connection is not.
func (h happens) Whose() string {
	if h.What == eventNew {
		return h.Culprit
	}
	return h.Caller
}

// OnlyCounted: the Pool does not own its connections. Of one that has none it is not known.
func (h host) OnlyCounted() bool { return !h.Watched && h.Opened > 0 }

// num is a number with its thousands set apart.
func num(n any) string {
	var s string
	switch n := n.(type) {
	case int:
		s = strconv.Itoa(n)
	case uint64:
		s = strconv.FormatUint(n, 10)
	default:
		s = fmt.Sprint(n)
	}
	if len(s) <= 3 {
		return s
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// rate is something per second.
func rate(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return num(int64(math.Round(v)))
}

// pct is a part of 1. What is not quite all or none does not look so.
func pct(v float64) string {
	switch p := 100 * v; {
	case p == 0 || p == 100:
		return strconv.Itoa(int(p)) + "\u202f%"
	case p < 0.1:
		return "<0.1\u202f%"
	case p > 99.9:
		return ">99.9\u202f%"
	default:
		return f1(p) + "\u202f%"
	}
}

// dur is a time in seconds, as people say it.
func dur(v float64) string {
	d := time.Duration(v * float64(time.Second))
	switch {
	case d < 0:
		return "now"
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + "\u202fµs"
	case d < 10*time.Millisecond:
		return f1(d.Seconds()*1000) + "\u202fms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "\u202fms"
	case d < 10*time.Second:
		return f1(d.Seconds()) + "\u202fs"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "\u202fs"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "\u202fmin"
	}
	return strconv.Itoa(int(d.Hours())) + "\u202fh"
}

// byteCount is a number of bytes, in units of 1000 or more of the one before.
func byteCount(n any) string {
	var v float64
	switch n := n.(type) {
	case int64:
		v = float64(n)
	case uint64:
		v = float64(n)
	}
	for _, unit := range []string{"B", "kB", "MB", "GB", "TB"} {
		if v < 1000 || unit == "TB" {
			if unit == "B" || v >= 100 {
				return strconv.FormatFloat(v, 'f', 0, 64) + "\u202f" + unit
			}
			return f1(v) + "\u202f" + unit
		}
		v /= 1000
	}
	return ""
}

func f1(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
func clock(t time.Time) string { return t.Format("15:04:05") }

// stateClass is a connection's state as the name of a class. Expect new words.
func stateClass(state string) string { return strings.ReplaceAll(state, " ", "-") }

// siteFile is the file and line of a "file:line function", with the folder that it is in.
func siteFile(site string) string {
	file, _, _ := strings.Cut(site, " ")
	return path.Join(path.Base(path.Dir(file)), path.Base(file))
}

// siteFunc is its function, without the path of its package.
func siteFunc(site string) string {
	_, function, _ := strings.Cut(site, " ")
	return path.Base(cmp.Or(function, " "))
}

// drainedText says what became of a drain.
func drainedText(outcome, skipped string) string {
	switch outcome {
	case "skipped":
		return "not tried: " + strings.ReplaceAll(clean(skipped), "_", " ")
	case "gave_up":
		return "came to its limit of bytes"
	case "timed_out":
		return "came to its limit of time"
	case "closed":
		return "there is none in this stack"
	case "leaked":
		return "the body was dropped"
	}
	return strings.ReplaceAll(clean(outcome), "_", " ")
}

// refusalText says which limit has refused requests.
func refusalText(reason string) string {
	switch reason {
	case "queue_full":
		return "as many wait as MaxWaiting allows"
	case "wait_timeout":
		return "waited for longer than WaitTimeout"
	case "hopeless":
		return "would have waited for longer than their deadline"
	case "shed":
		return "shed from an overloaded queue"
	}
	return clean(reason)
}
