package poolz

import (
	"cmp"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// version is that of the JSON. It changes when a field goes, or means something else; new
// fields may come without that.
const version = 1

// page is what there is to show, as JSON or HTML. What its fields mean is in the package's
// document; strings in it are clean.
type page struct {
	Version      int        `json:"version"`
	SampledAt    *time.Time `json:"sampled_at"`
	LookingSince *time.Time `json:"looking_since"`
	Closed       bool       `json:"pool_closed"`

	Pool      figures `json:"pool"`
	HostCount int     `json:"host_count"`
	Query     string  `json:"query,omitempty"`
	Matching  int     `json:"hosts_matching"`
	Hosts     []host  `json:"hosts"`

	Connections []conn `json:"connections,omitempty"`

	Leaks           []leak    `json:"leaks"`
	Costs           []cost    `json:"costs"`
	Undrained       []body    `json:"undrained"`
	InFlightTracked bool      `json:"in_flight_tracked"`
	InFlight        []request `json:"in_flight"`
	Events          []happens `json:"events"`

	one string // the host that the page is of, as Stats spells it; empty: all
}

// figures are those of a host, or of all.
type figures struct {
	Limit   int `json:"limit"`
	InUse   int `json:"in_use"`
	Waiting int `json:"waiting"`

	Requests          uint64   `json:"requests"`
	RequestsPerSecond *float64 `json:"requests_per_second"`
	NewPerSecond      *float64 `json:"new_per_second"`
	Reuse             *float64 `json:"reuse"`
	ReuseRecent       *float64 `json:"reuse_recent"`

	Open    int    `json:"open"`
	Active  int    `json:"active"`
	Idle    int    `json:"idle"`
	Dialing int    `json:"dialing"`
	Opened  uint64 `json:"opened"`
	Closed  uint64 `json:"closed"`

	New  map[string]uint64 `json:"new_by_reason"`
	Lost map[string]uint64 `json:"closed_by_reason"`

	Waits         uint64  `json:"waits"`
	WaitSeconds   float64 `json:"wait_seconds"`
	QueueFull     uint64  `json:"queue_full"`
	WaitTimeouts  uint64  `json:"wait_timeouts"`
	Hopeless      uint64  `json:"hopeless"`
	Shed          uint64  `json:"shed"`
	WaitsCanceled uint64  `json:"waits_canceled"`

	Leaks         uint64  `json:"leaks"`
	Suspected     uint64  `json:"suspected"`
	Drained       uint64  `json:"drained"`
	GaveUp        uint64  `json:"gave_up"`
	DrainTimedOut uint64  `json:"drain_timed_out"`
	DrainSkipped  uint64  `json:"drain_skipped"`
	BytesDrained  uint64  `json:"bytes_drained"`
	DrainSeconds  float64 `json:"drain_seconds"`

	History *history `json:"history,omitempty"`
	points  []point
}

// history is the last minutes, the oldest first.
type history struct {
	At       []time.Time `json:"at"`
	Requests []float32   `json:"requests_per_second"`
	New      []float32   `json:"new_per_second"`
	Open     []int32     `json:"open"`
	Waiting  []int32     `json:"waiting"`
}

type host struct {
	Host string `json:"host"`
	figures
	Watched           bool    `json:"watched"`
	IdleKept          int     `json:"idle_kept"`
	ServerIdleSeconds float64 `json:"server_idle_seconds"`
	Rotates           bool    `json:"rotates"`
	Handshakes        uint64  `json:"handshakes"`
	Resumed           uint64  `json:"resumed"`

	name string // as Stats spells it, for links; empty if it is too long for one
}

type conn struct {
	ID             uint64     `json:"id"`
	Proto          string     `json:"proto"`
	State          string     `json:"state"`
	Local          string     `json:"local"`
	Remote         string     `json:"remote"`
	TLS            string     `json:"tls"`
	Resumed        bool       `json:"resumed"`
	AgeSeconds     float64    `json:"age_seconds"`
	IdleSeconds    float64    `json:"idle_seconds"`
	Uses           int        `json:"uses"`
	Streams        int        `json:"streams"`
	RetireAt       *time.Time `json:"retire_at"`
	RetireWhy      string     `json:"retire_why"`
	BytesRead      int64      `json:"bytes_read"`
	BytesWritten   int64      `json:"bytes_written"`
	NewReason      string     `json:"new_reason"`
	LostReason     string     `json:"lost_reason"`
	RTTSeconds     float64    `json:"rtt_seconds"`
	Retransmits    int        `json:"retransmits"`
	RetiresSeconds float64    `json:"-"`
}

type leak struct {
	Kind       string    `json:"kind"`
	Host       string    `json:"host"`
	Method     string    `json:"method"`
	Caller     string    `json:"caller"`
	Inner      string    `json:"inner"`
	Count      int       `json:"count"`
	Transports int       `json:"transports"`
	AgeSeconds float64   `json:"age_seconds"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
}

type body struct {
	Host        string    `json:"host"`
	Method      string    `json:"method"`
	Path        string    `json:"path"`
	Outcome     string    `json:"outcome"`
	Skipped     string    `json:"skipped"`
	Caller      string    `json:"caller"`
	Inner       string    `json:"inner"`
	Count       uint64    `json:"count"`
	BytesRead   int64     `json:"bytes_read"`
	CostSeconds float64   `json:"dial_cost_seconds"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
}

// cost are connections that a place in the program has cost later requests.
type cost struct {
	Caller      string  `json:"caller"`
	Inner       string  `json:"inner"`
	Reason      string  `json:"reason"`
	Host        string  `json:"host"`
	Connections uint64  `json:"connections"`
	Seconds     float64 `json:"seconds"`
}

type request struct {
	Host       string  `json:"host"`
	Method     string  `json:"method"`
	Caller     string  `json:"caller"`
	Inner      string  `json:"inner"`
	AgeSeconds float64 `json:"age_seconds"`
	Answered   bool    `json:"answered"`
	Suspected  bool    `json:"suspected"`
}

// happens is an event.
type happens struct {
	What    string    `json:"what"`
	Host    string    `json:"host"`
	Reason  string    `json:"reason"`
	Count   uint64    `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Caller  string    `json:"caller"`
	Culprit string    `json:"culprit"`
	Seconds float64   `json:"seconds"`
}

// asked is what a page is asked for.
type asked struct {
	host  string // one
	query string // those whose name has it
}

// page makes it. It returns false if there is no such host.
func (v *viewer) page(s *sample, a asked) (*page, bool) {
	p := &page{Version: version, Query: clean(a.query), Hosts: []host{}, Leaks: []leak{}, Costs: []cost{}, Undrained: []body{}, InFlight: []request{}, Events: []happens{}}
	if s == nil {
		return p, a.host == ""
	}
	p.SampledAt, p.Closed, p.HostCount, p.one = &s.at, s.closed, len(s.stats.Hosts), a.host
	shown, matching := s.choose(a)
	p.Matching = matching
	if a.host != "" && len(shown) == 0 {
		return p, false
	}
	names := make([]string, len(shown))
	for i, h := range shown {
		names[i] = h.Host
	}
	all, of, since := v.history(names)
	if !since.IsZero() {
		p.LookingSince = &since
	}
	p.Pool = figuresOfAll(&s.stats, all)
	p.Pool.History = columns(all)
	for _, h := range shown {
		p.Hosts = append(p.Hosts, hostOf(h, of[h.Host]))
	}

	inFlight := s.inFlight
	if a.host != "" {
		p.Hosts[0].History = columns(of[a.host])
		p.Connections = []conn{}
		for _, c := range v.in.ConnsTo(a.host, connsMost) {
			if len(p.Connections) < connsMost {
				p.Connections = append(p.Connections, connOf(c))
			}
		}
		inFlight = v.in.OldestInFlight(a.host, inFlightMost)
	}
	p.InFlightTracked = v.in.Tracks()
	for _, r := range inFlight {
		p.InFlight = append(p.InFlight, request{
			Host: cleanHost(r.Host), Method: clean(r.Method), Caller: clean(r.Caller), Inner: clean(r.Inner),
			AgeSeconds: r.Age.Seconds(), Answered: r.Answered, Suspected: r.Suspected,
		})
	}
	v.in.EachLeak(func(l pool.Leak, n int, first, last time.Time) {
		if a.host == "" || l.Host == a.host {
			p.Leaks = append(p.Leaks, leakOf(l, n, first, last))
		}
	})
	for _, n := range s.stats.NewByCaller {
		if n.Caller != "" && (a.host == "" || a.host == n.Host) && len(p.Costs) < costsMost {
			p.Costs = append(p.Costs, cost{Caller: clean(n.Caller), Inner: clean(n.Inner), Reason: clean(string(n.Reason)), Host: cleanHost(n.Host),
				Connections: n.Conns, Seconds: n.Time.Seconds()})
		}
	}
	for _, b := range v.bodies.list(a.host) {
		at := callsite.Of(b.stack)
		p.Undrained = append(p.Undrained, body{
			Host: cleanHost(b.host), Method: clean(cmp.Or(b.method, "GET")), Path: cleanPath(b.path), Outcome: b.outcome, Skipped: b.skipped,
			Caller: clean(at.Caller), Inner: clean(at.Inner), Count: b.n, BytesRead: b.read, CostSeconds: b.cost.Seconds(), First: b.first, Last: b.last,
		})
	}
	for _, e := range v.events.list(a.host, eventsShown) {
		h := happens{
			What: e.what, Host: cleanHost(e.host), Reason: clean(e.reason), Count: e.n, First: e.first, Last: e.last,
			Path: cleanPath(e.path), Caller: clean(callsite.Of(e.stack).Caller), Culprit: clean(callsite.Of(e.bySt).Caller), Seconds: e.figure.Seconds(),
		}
		if e.path != "" || e.method != "" {
			h.Method = clean(cmp.Or(e.method, "GET"))
		}
		p.Events = append(p.Events, h)
	}
	return p, true
}

// choose returns the hosts to be listed, hostsMost at most, and how many there are that match.
func (s *sample) choose(a asked) (shown []*pool.HostStats, matching int) {
	if a.host != "" {
		if i := s.find(a.host); i >= 0 {
			return []*pool.HostStats{&s.stats.Hosts[i]}, 1
		}
		return nil, 0
	}
	query := strings.ToLower(a.query)
	for _, i := range s.order {
		h := &s.stats.Hosts[i]
		if query != "" && !strings.Contains(strings.ToLower(h.Host), query) {
			continue
		}
		if matching++; matching <= hostsMost {
			shown = append(shown, h)
		} else if query == "" {
			return shown, len(s.order)
		}
	}
	return shown, matching
}

func figuresOfAll(s *pool.Stats, points []point) figures {
	f := figuresOf(&s.Counters, totalsOfAll(s), s.New, s.Lost, points)
	f.Limit, f.InUse, f.Waiting = s.Limit, s.InUse, s.Waiting
	f.Open, f.Active, f.Idle, f.Opened, f.Closed = s.Open, s.Active, s.Idle, s.Opened, s.Closed
	for i := range s.Hosts {
		f.Dialing += s.Hosts[i].Dialing
	}
	return f
}

func hostOf(s *pool.HostStats, points []point) host {
	h := host{Host: cleanHost(s.Host), name: s.Host, Watched: s.Watched, IdleKept: s.IdleKept, ServerIdleSeconds: s.ServerIdle.Seconds(),
		Rotates: s.Rotates, Handshakes: s.Handshakes, Resumed: s.Resumed}
	if len(s.Host) > keptMost {
		h.name = ""
	}
	h.figures = figuresOf(&s.Counters, totalsOfHost(s), s.New, s.Lost, points)
	h.Limit, h.InUse, h.Waiting = s.Limit, s.InUse, s.Waiting
	h.Open, h.Active, h.Idle, h.Dialing, h.Opened, h.figures.Closed = s.Open, s.Active, s.Idle, s.Dialing, s.Opened, s.Closed
	return h
}

func figuresOf(c *pool.Counters, n totals, new, lost map[roundtripper.NewReason]uint64, points []point) figures {
	f := figures{
		Requests: c.Requests, New: words(new), Lost: words(lost),
		Waits: c.Waits, WaitSeconds: c.WaitTime.Seconds(), QueueFull: c.QueueFull, WaitTimeouts: c.WaitTimeouts,
		Hopeless: c.Hopeless, Shed: c.Shed, WaitsCanceled: c.WaitsCanceled,
		Leaks: c.Leaks, Suspected: c.Suspected, Drained: c.Drained, GaveUp: c.GaveUp, DrainTimedOut: c.DrainTimedOut,
		DrainSkipped: c.DrainSkipped, BytesDrained: c.BytesDrained, DrainSeconds: c.DrainTime.Seconds(), points: points,
	}
	if part, ok := n.reuse(); ok {
		f.Reuse = &part
	}
	if len(points) == 0 {
		return f
	}
	last := points[len(points)-1]
	requests, fresh := float64(last.requests), float64(last.new)
	f.RequestsPerSecond, f.NewPerSecond = &requests, &fresh
	var sum, sumNew float64
	for _, p := range points { // all of about the same time
		sum += float64(p.requests)
		sumNew += float64(p.new)
	}
	if part, ok := reuse(sum, sumNew); ok {
		f.ReuseRecent = &part
	}
	return f
}

func words(counts map[roundtripper.NewReason]uint64) map[string]uint64 {
	all := make(map[string]uint64, len(counts))
	for r, n := range counts {
		all[string(r)] = n
	}
	return all
}

func columns(points []point) *history {
	h := &history{At: []time.Time{}, Requests: []float32{}, New: []float32{}, Open: []int32{}, Waiting: []int32{}}
	for _, p := range points {
		h.At = append(h.At, p.at)
		h.Requests, h.New = append(h.Requests, p.requests), append(h.New, p.new)
		h.Open, h.Waiting = append(h.Open, p.open), append(h.Waiting, p.waiting)
	}
	return h
}

func connOf(c pool.ConnInfo) conn {
	out := conn{
		ID: c.ID, Proto: c.Proto, State: c.State, Local: addr(c.LocalAddr), Remote: addr(c.RemoteAddr), Resumed: c.Resumed,
		AgeSeconds: c.Age.Seconds(), IdleSeconds: c.IdleFor.Seconds(), Uses: c.Uses, Streams: c.Streams, RetireWhy: c.RetireWhy,
		BytesRead: c.BytesRead, BytesWritten: c.BytesWritten, NewReason: string(c.NewReason), LostReason: string(c.LostReason),
		RTTSeconds: c.RTT.Seconds(), Retransmits: c.Retransmits,
	}
	if c.TLSVersion != 0 {
		out.TLS = clean(tls.VersionName(c.TLSVersion))
	}
	if at := c.RetireAt; !at.IsZero() {
		out.RetireAt, out.RetiresSeconds = &at, time.Until(at).Seconds()
	}
	return out
}

// addr is an address, as a dialer of the program's own may spell it.
func addr(a net.Addr) string {
	if a == nil {
		return ""
	}
	return clean(a.String())
}

func leakOf(l pool.Leak, n int, first, last time.Time) leak {
	out := leak{
		Kind: "dropped", Host: cleanHost(l.Host), Method: clean(l.Method), Caller: clean(l.Caller), Inner: clean(l.Inner),
		Count: n, Transports: l.Transports, AgeSeconds: l.Age.Seconds(), First: first, Last: last,
	}
	switch {
	case l.Transports > 0:
		out.Kind = "transports"
	case l.Suspected:
		out.Kind = "suspected"
	}
	return out
}
