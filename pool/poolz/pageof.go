package poolz

import (
	"cmp"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// asked is what a page is asked for.
type asked struct {
	host  string // one
	query string // those whose name has it
}

// page makes it. It returns false if there is no such host. Without a sample it is empty, and it
// is not known whether there is.
func (v *viewer) page(s *sample, a asked) (*page, bool) {
	p := &page{Version: version, Query: clean(a.query), Hosts: []host{}, Leaks: []leak{}, Costs: []cost{}, Undrained: []body{}, InFlight: []request{}, Events: []happens{}}
	if s == nil {
		return p, true
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
			p.Connections = append(p.Connections, connOf(c))
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
		// What several hosts have had is this one's, too, where it has had the like.
		of := a.host == "" || a.host == n.Host || n.Host == "" && shown[0].New[n.Reason] > 0
		if of && n.Caller != "" && len(p.Costs) < costsMost {
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
	last := &points[len(points)-1]
	requests, fresh := float64(last.requestsPerSecond()), float64(last.newPerSecond())
	f.RequestsPerSecond, f.NewPerSecond = &requests, &fresh
	var recent totals
	for i := range points {
		recent.ended += uint64(points[i].ended)
		recent.new += uint64(points[i].new)
	}
	if part, ok := recent.reuse(); ok {
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
	for i := range points {
		p := &points[i]
		h.At = append(h.At, p.at)
		h.Requests, h.New = append(h.Requests, p.requestsPerSecond()), append(h.New, p.newPerSecond())
		h.Open, h.Waiting = append(h.Open, p.open), append(h.Waiting, p.waiting)
	}
	return h
}

func connOf(c pool.ConnInfo) conn {
	out := conn{
		ID: c.ID, Proto: c.Proto, State: c.State, Local: addr(c.LocalAddr), Remote: addr(c.RemoteAddr), Resumed: c.Resumed,
		AgeSeconds: c.Age.Seconds(), IdleSeconds: c.IdleFor.Seconds(), Uses: c.Uses, Streams: c.Streams, RetireWhy: c.RetireWhy,
		BytesRead: c.BytesRead, BytesWritten: c.BytesWritten, NewReason: string(c.NewReason), LostReason: string(c.LostReason),
	}
	if c.RTT > 0 { // else the kernel has not said
		rtt := c.RTT.Seconds()
		out.RTTSeconds, out.Retransmits = &rtt, &c.Retransmits
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
	return clean(ledger.AddrText(a))
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
