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

	// Limit is MaxTotal, 0 if there is none. InUse is the number of requests in flight:
	// the sum over Hosts, less the requests that have their host's slot and wait for
	// one under MaxTotal.
	Limit, InUse int
	// Waiting is the number of requests that wait for a slot, of their host or under
	// MaxTotal.
	Waiting int

	// Open is the number of open connections, Opened - Closed. Idle and Active
	// are the sums over Hosts, which are looked at one after the other.
	Open, Idle, Active int
	// Opened and Closed count connections, to forgotten hosts too, and Lost counts the
	// closed ones by reason; see HostStats. They are of one moment. Connections that the
	// Pool neither owns nor dials are counted only while their host is among Hosts.
	Opened, Closed uint64
	Lost           map[roundtripper.NewReason]uint64
	// New is how many connections were new to requests which have ended, by why: the sums of
	// NewByCaller, which has them by the place in the program that has cost earlier ones, too;
	// what took the longest to make first. Those to forgotten hosts are among them, and those
	// of Exempt requests. There are fewer than Opened where one was made that no request
	// needed. Nil if there are none.
	New         map[roundtripper.NewReason]uint64
	NewByCaller []NewConns

	// Counters are the sums over all hosts, forgotten ones too, and over the
	// queue for MaxTotal.
	Counters
}

// HostStats are the figures of one host.
type HostStats struct {
	// Host is scheme, name and port. It is the dialed address for connections that a
	// program makes by using a transport from Transport directly, and the proxy's name
	// for connections to a proxy that forwards plain http.
	Host string

	// Limit is the limit of slots, 0 if there is none. InUse is the number of slots in
	// use, by requests whose body has not ended, and requests that wait for one under
	// MaxTotal. It can be above the limit by the number of requests that hold nothing
	// but their slot: see the package doc, "One request, one slot" and HTTP/2.
	Limit, InUse int
	// Waiting is the number of requests that wait for a slot of the host.
	Waiting int

	// Watched says that the pool owns the connections, and that their figures are exact.
	// If it does not, the figures are the pool's belief, by the requests alone. For
	// connections that a program makes by using a transport from Transport directly there
	// are only the opened and the open ones, which all count as idle.
	Watched bool
	// Open is the number of open connections. Active is how many of them are in use; over
	// HTTP/2 several requests share one. Idle is how many are not in use.
	Open, Active, Idle int
	// IdleKept is the number of connections to the host, in use or idle, above which
	// decay would close some now: the number at its busiest moment of late, or its
	// floor. 0 where the pool does not tune, or MaxIdlePerHost is set.
	IdleKept int
	// ServerIdle is for how long the server keeps idle connections, learned from three
	// that it has closed, in different moments, after about the same time. 0 if it is not
	// known, or if the pool does not own the connections. Once it is known, connections
	// are retired sooner by so much that no request crosses the server's close; see the
	// package doc.
	ServerIdle time.Duration
	// Rotates says that successive lookups of the host's name give different addresses,
	// because it has many, and each answer gives some. One of three was seen:
	//
	//   - an address came back that one or two answers had left out;
	//   - more than once in 64 answers, an address came back that counted as gone;
	//   - three answers in a row had less than half in common with the one before.
	//
	// Until 32 answers in a row have shown none of these, Options.Resolve retires no
	// connection to the host. False where nothing is looked up.
	Rotates bool
	// Dialing is the number of connections that are being dialed, if the pool owns them.
	Dialing int
	// Opened and Closed count connections; Opened - Closed = Open.
	Opened, Closed uint64
	// Lost counts the closed connections by reason; the sum is Closed. A connection that
	// no request ever had is "unused": Warm dials before there are requests, and net/http
	// for requests that another connection serves then. If a program makes connections by
	// using a transport from Transport directly, those on which nothing was sent, no TLS
	// handshake either, are "unused", and all others "unknown". A failed handshake is
	// "conn_error" where the pool owns the connections. Nil if there are none.
	Lost map[roundtripper.NewReason]uint64
	// New is how many connections were new to requests which have ended, by why. Those of
	// Exempt requests are not among them. Nil if there are none.
	New map[roundtripper.NewReason]uint64

	// Handshakes is the number of connections that have come up with TLS, and Resumed how
	// many of them have resumed a session; see Options.TLSSessions. Both are 0 where the
	// pool does not own the connections.
	Handshakes, Resumed uint64

	Counters
}

// Stats returns a snapshot. Its cost grows with the number of hosts in use: about
// 1 µs for each, see BenchmarkStatsOfManyHosts. No request waits for it longer
// than its own host takes.
func (p *Pool) Stats() Stats {
	n := int(p.listed.Load()) // about as many as last time
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
		addReasons(&e.New, q.new)
	}
	for _, h := range hosts {
		count(&h.queue)
	}
	s.Counters.add(&past)
	total := p.totals.Tally()
	s.Opened, s.Closed = total.Opened, total.Closed
	addReasons(&s.Lost, total.Lost)
	s.NewByCaller = p.newConns.list()
	for _, n := range s.NewByCaller {
		if s.New == nil {
			s.New = make(map[roundtripper.NewReason]uint64)
		}
		s.New[n.Reason] += n.Conns
	}
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
			addReasons(&e.Lost, c.Lost)
			s.Active += c.Active
			s.Idle += c.Idle
			if c.Totals != p.totals {
				s.Opened += c.Opened
				s.Closed += c.Closed
				addReasons(&s.Lost, c.Lost)
			}
		})
	})
	p.listed.Store(int64(len(s.Hosts)))
	s.Open = int(s.Opened - s.Closed) // #nosec G115 -- connections that are open now
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

func addReasons(to *map[roundtripper.NewReason]uint64, counts []ledger.Count) {
	for _, c := range counts {
		if c.N == 0 {
			continue
		}
		if *to == nil {
			*to = make(map[roundtripper.NewReason]uint64, len(counts))
		}
		(*to)[roundtripper.NewReason(c.Reason.String())] += c.N
	}
}
