package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/roundtripper"
)

// Stats is a snapshot of a Pool: limits beside use, then open connections, then
// counters, like sql.DBStats. The figures of one host are of one moment, slots
// and connections each by themselves.
type Stats struct {
	// Hosts are the hosts that are in use, or were not forgotten yet, in the order
	// of their names.
	Hosts []HostStats

	// Limit is MaxTotal, 0 if there is none, and InUse how many requests are in
	// flight: the sum over Hosts, less those that have their host's slot and
	// wait for one of all.
	Limit, InUse int
	// Waiting is how many requests wait, for a slot of their host or of all.
	Waiting int

	// Open is how many connections are open, Opened - Closed. Idle and Active
	// are the sums over Hosts, which are looked at one after the other.
	Open, Idle, Active int
	// Opened and Closed count connections, to forgotten hosts too, and Lost those
	// closed, by reason; see HostStats. They are of one moment. Of connections
	// that the Pool neither owns nor dials there are only those to Hosts.
	Opened, Closed uint64
	Lost           map[roundtripper.NewReason]uint64

	// Counters are the sums over all hosts, forgotten ones too, and over the
	// queue for MaxTotal.
	Counters
}

// HostStats is the part of one host.
type HostStats struct {
	// Host is scheme, name and port. Connections that a transport from Transport
	// dials for those who use it directly are listed under the address that was
	// dialed; those to a proxy that forwards plain http under the proxy's name.
	Host string

	// Limit is the limit of slots, 0 if there is none, and InUse how many are in
	// use: requests whose body has not ended, and those that wait for one of all. It
	// can be above the limit by as many as hold nothing but their slot: see the
	// package doc, "One request, one slot" and HTTP/2.
	Limit, InUse int
	// Waiting is how many requests wait for a slot of the host.
	Waiting int

	// Watched says that the pool owns the connections: what is said of them is
	// exact. Else it is what the pool believes, by the requests alone; or, of
	// those that a transport from Transport dials for others, those opened and
	// open, all of which count as idle.
	Watched bool
	// Open is how many connections are open. Active is how many of them requests
	// have; over HTTP/2 several share one. Idle is how many are not in
	// use.
	Open, Active, Idle int
	// IdleKept is how many connections to the host, those in use included, the
	// pool would not close now for being too many: its busiest moment of late,
	// or its floor. 0 where it does not tune, or MaxIdlePerHost is set.
	IdleKept int
	// ServerIdle is for how long the server keeps idle connections, as those have
	// shown that it has closed: three of them, in different moments, after about the
	// same time. 0 if that is not known, or the pool does not own the connections. From
	// then on connections are retired so much sooner that no request crosses the
	// server's close; see the package doc.
	ServerIdle time.Duration
	// Rotates says that lookups of the host's name give now these and now other
	// addresses, as of a name with many, of which each answer gives some: one has come
	// back that an answer or two had left out, or more than once in 64 answers one that
	// was gone; or three answers in a row had less than half in common with the one
	// before. Until 32 answers in a row have shown nothing of that, Options.Resolve
	// retires no connection to the host. False where nothing is looked up.
	Rotates bool
	// Dialing is how many are being dialed, if the pool owns them.
	Dialing int
	// Opened and Closed count connections; Opened - Closed = Open.
	Opened, Closed uint64
	// Lost is how many were closed for which reason; the sum is Closed. One that
	// no request ever had is "unused": net/http dials for requests that are then
	// served by another one, and Warm for none. Of those that a transport from Transport
	// dials for others it is one on which nothing was sent, no TLS handshake either, and all
	// the rest are "unknown". A failed handshake is "conn_error" where the pool owns the
	// connections. Nil if there are none.
	Lost map[roundtripper.NewReason]uint64

	// Handshakes is how many connections have come up with TLS, and Resumed how many of
	// them have resumed a session; see Options.TLSSessions. Both are 0 where the pool does
	// not own the connections.
	Handshakes, Resumed uint64

	Counters
}

// Stats returns a snapshot. Its cost grows with the number of hosts in use: about
// 1 µs for each, see BenchmarkStatsOfManyHosts. No request waits for it longer
// than its own host takes.
func (p *Pool) Stats() Stats {
	n := int(p.listed.Load()) // it will be about as long
	s := Stats{Hosts: make([]HostStats, 0, n)}
	index := make(map[string]int, n)
	at := func(key string) *HostStats {
		i, ok := index[key]
		if !ok {
			i = len(s.Hosts)
			index[key] = i
			s.Hosts = append(s.Hosts, HostStats{Host: key})
		}
		return &s.Hosts[i]
	}
	hosts, past, forgotten := p.all()
	count := func(q *queue) {
		q.mu.Lock()
		defer q.mu.Unlock()
		switch {
		case q.forgotten > forgotten: // not in past
			s.Counters.add(&q.n)
			return
		case q.forgotten > 0:
			return
		}
		e := at(q.host)
		e.Limit, e.InUse, e.Waiting, e.Counters = q.limit, q.inUse, q.line.len, q.n
		s.InUse += e.InUse
		s.Waiting += e.Waiting
		s.Counters.add(&e.Counters)
	}
	for _, h := range hosts {
		count(&h.queue)
	}
	s.Counters.add(&past)
	total := p.totals.Tally()
	s.Opened, s.Closed = total.Opened, total.Closed
	addLost(&s.Lost, total.Lost)
	p.bases.each(func(l *ledger.Ledger) {
		l.Counts(func(c ledger.Counts) {
			e := at(c.Host)
			e.Watched = c.Watched
			e.Open += c.Open
			e.Active += c.Active
			e.Idle += c.Idle
			e.IdleKept += c.Kept
			if e.ServerIdle == 0 || 0 < c.ServerIdle && c.ServerIdle < e.ServerIdle {
				e.ServerIdle = c.ServerIdle
			}
			e.Rotates = e.Rotates || c.Rotates
			e.Dialing += c.Coming
			e.Opened += c.Opened
			e.Closed += c.Closed
			e.Handshakes += c.Shakes.All
			e.Resumed += c.Shakes.Resumed
			addLost(&e.Lost, c.Lost)
			s.Active += c.Active
			s.Idle += c.Idle
			if c.Totals != p.totals {
				s.Opened += c.Opened
				s.Closed += c.Closed
				addLost(&s.Lost, c.Lost)
			}
		})
	})
	p.listed.Store(int64(len(s.Hosts)))
	s.Open = int(s.Opened - s.Closed)
	if q := &p.total; q.limit > 0 {
		q.mu.Lock()
		s.Limit, s.InUse = q.limit, q.inUse
		s.Waiting += q.line.len
		s.Counters.add(&q.n)
		q.mu.Unlock()
	}
	slices.SortFunc(s.Hosts, func(a, b HostStats) int { return cmp.Compare(a.Host, b.Host) })
	return s
}

func addLost(to *map[roundtripper.NewReason]uint64, lost []ledger.Count) {
	for _, c := range lost {
		if c.N == 0 {
			continue
		}
		if *to == nil {
			*to = make(map[roundtripper.NewReason]uint64, len(lost))
		}
		(*to)[roundtripper.NewReason(c.Reason.String())] += c.N
	}
}
