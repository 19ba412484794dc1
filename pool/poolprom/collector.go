package poolprom

import (
	"cmp"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warmconn/warmconn/pool"
)

// other is the label of the sums. No host has that name, for a host's begins with its scheme.
const other = "other"

// longest is the length of a label. A name in DNS has 253 bytes at most; a hostile
// one may have any number.
const longest = 255

// collector implements prometheus.Collector.
type collector struct {
	stats func() pool.Stats
	most  int

	// mu is held for a whole collection: two of them must not take a host in at the
	// same time, nor see Stats in another order than they write other.
	mu     sync.Mutex
	listed map[string]*series // the hosts with series of their own
	total  series             // of the Pool
	gone   row                // of listed hosts that were forgotten
	rest   row                // other's last figures
	full   bool               // the last collection left hosts to other
}

// series are the figures of a host, or of all, added up from one collection to the next. In
// Stats they may fall, each by itself: a host's queue is forgotten, or one of several transports
// that it has connections of, or a connection's reason for its end becomes known.
type series struct {
	own  row // all rises
	last row // as Stats had it last
}

func (s *series) count(now row) {
	s.own = s.own.plus(now.less(s.last))
	s.last = now
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	all := []*prometheus.Desc{fresh, closed, hosts, allFlight, allWaiting, allLimit}
	for i := range counters {
		all = append(all, counters[i].desc)
	}
	for i := range gauges {
		all = append(all, gauges[i].desc)
	}
	for _, d := range slices.Compact(all) { // the words of one metric stand together
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats()
	c.follow(&s)
	sum, left := c.gone, 0
	var of pool.HostStats
	for i := range s.Hosts {
		h := &s.Hosts[i]
		l := c.listed[h.Host]
		if l == nil {
			left++
			addGauges(&of, h)
			continue
		}
		sum = sum.plus(l.own)
		sendRow(ch, h.Host, l.own)
		sendGauges(ch, h.Host, h)
	}
	c.full = left > 0
	// Stats looks at the sum of connections and at each host's one after the other: other must not
	// fall for that, and has less to rise the next time. New connections of Exempt requests are no
	// host's: other has them.
	all := rowOf(&pool.HostStats{Counters: s.Counters, Opened: s.Opened, New: s.New, Lost: s.Lost})
	fell := c.total.last.less(all)
	c.total.count(all)
	// Connections of foreign dialers leave the sum when their host is forgotten, and take along
	// what it has risen by: what was collected is the least that it can be.
	c.total.own = c.total.own.atLeast(sum.plus(c.rest).where(fell))
	c.rest = c.total.own.less(sum).atLeast(c.rest)
	if left > 0 || !c.rest.isZero() {
		sendRow(ch, other, c.rest)
		sendGauges(ch, other, &of)
	}
	send(ch, hosts, prometheus.GaugeValue, float64(len(s.Hosts)))
	send(ch, allFlight, prometheus.GaugeValue, float64(s.InUse))
	send(ch, allWaiting, prometheus.GaugeValue, float64(s.Waiting))
	if s.Limit > 0 {
		send(ch, allLimit, prometheus.GaugeValue, float64(s.Limit))
	}
}

// follow brings listed up to date: a host that was forgotten leaves, and a new one has its
// place.
func (c *collector) follow(s *pool.Stats) {
	seen := make(map[string]bool, len(c.listed))
	var fresh []*pool.HostStats
	for i := range s.Hosts {
		h := &s.Hosts[i]
		if l := c.listed[h.Host]; l != nil {
			seen[h.Host] = true
			l.count(rowOf(h))
		} else if fit(h.Host) {
			fresh = append(fresh, h)
		}
	}
	for host, l := range c.listed {
		if !seen[host] {
			c.gone = c.gone.plus(l.own)
			delete(c.listed, host)
		}
	}
	room := c.most - len(c.listed)
	if len(fresh) > room {
		slices.SortStableFunc(fresh, func(a, b *pool.HostStats) int { return cmp.Compare(b.Requests, a.Requests) })
		fresh = fresh[:room]
	}
	for _, h := range fresh {
		l := new(series)
		if c.full { // other may have counted what it has
			l.last = rowOf(h)
		}
		l.count(rowOf(h))
		c.listed[h.Host] = l
	}
}

// fit says whether a host can be a label.
func fit(host string) bool { return len(host) <= longest && utf8.ValidString(host) }

func addGauges(to, h *pool.HostStats) {
	to.InUse += h.InUse
	to.Waiting += h.Waiting
	to.Open += h.Open
	to.Active += h.Active
	to.Idle += h.Idle
	to.Dialing += h.Dialing
	to.IdleKept += h.IdleKept
}

func sendRow(ch chan<- prometheus.Metric, host string, r row) {
	for i := range counters {
		k := &counters[i]
		if host == other && (k.desc == shakes || k.desc == resumed) {
			continue
		}
		labels := []string{host}
		if k.word != "" {
			labels = append(labels, k.word)
		}
		send(ch, k.desc, prometheus.CounterValue, float64(r.n[i])/k.per, labels...)
	}
	for word, n := range r.new {
		send(ch, fresh, prometheus.CounterValue, float64(n), host, string(word))
	}
	for word, n := range r.lost {
		send(ch, closed, prometheus.CounterValue, float64(n), host, string(word))
	}
}

func sendGauges(ch chan<- prometheus.Metric, host string, h *pool.HostStats) {
	for i := range gauges {
		g := &gauges[i]
		if g.need == nil || host != other && g.need(h) {
			send(ch, g.desc, prometheus.GaugeValue, g.of(h), host)
		}
	}
}

// send fails only for labels that are not UTF-8, or too few: fit and the tables see to that.
func send(ch chan<- prometheus.Metric, d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, t, v, labels...)
}
