package poolprom

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// model is a Pool whose hosts come, count and are forgotten, by halves: the queue counts
// requests, and each of two ledgers connections.
type model struct {
	rng     *rand.Rand
	queues  map[string]*pool.HostStats
	ledgers [2]map[string]*pool.HostStats
	past    pool.HostStats // what forgotten ones have counted
	foreign bool           // the sums lose the connections of a forgotten ledger
	truth   pool.HostStats // all that has happened
}

func newModel(seed uint64) *model {
	return &model{
		rng: rand.New(rand.NewPCG(seed, 1)), queues: map[string]*pool.HostStats{},
		ledgers: [2]map[string]*pool.HostStats{{}, {}}, past: *newHost(""), truth: *newHost(""),
	}
}

func newHost(name string) *pool.HostStats {
	return &pool.HostStats{Host: name, New: words{}, Lost: words{}}
}

func (m *model) step() {
	host := fmt.Sprintf("http://h%02d:80", m.rng.IntN(30))
	half := m.queues
	if n := m.rng.IntN(4); n < len(m.ledgers) {
		half = m.ledgers[n]
	}
	h := half[host]
	switch {
	case h == nil:
		half[host] = newHost(host)
	case m.rng.IntN(6) == 0:
		if !m.foreign {
			addHost(&m.past, h)
		} else {
			m.past.Requests += h.Requests
			addTo(m.past.New, h.New)
		}
		delete(half, host)
	case m.rng.IntN(6) == 0: // an Exempt request: it is in the sum, and no host's
		m.past.New["first"]++
		m.truth.New["first"]++
	default:
		more := newHost("")
		if h == m.queues[host] {
			more.Requests = uint64(m.rng.IntN(100))
			more.New[[]roundtripper.NewReason{"first", "body_unread"}[m.rng.IntN(2)]]++
		} else {
			more.Opened = uint64(m.rng.IntN(3))
			more.Lost[[]roundtripper.NewReason{"dead", "goaway"}[m.rng.IntN(2)]]++
		}
		addHost(h, more)
		addHost(&m.truth, more)
	}
}

func (m *model) stats() pool.Stats {
	sum, by := newHost(""), map[string]*pool.HostStats{}
	addHost(sum, &m.past)
	for _, half := range []map[string]*pool.HostStats{m.queues, m.ledgers[0], m.ledgers[1]} {
		for host, h := range half {
			if by[host] == nil {
				by[host] = newHost(host)
			}
			addHost(by[host], h)
			addHost(sum, h)
		}
	}
	s := pool.Stats{New: sum.New, Lost: sum.Lost, Opened: sum.Opened, Counters: sum.Counters}
	for _, host := range slices.Sorted(maps.Keys(by)) {
		s.Hosts = append(s.Hosts, *by[host])
	}
	return s
}

func addHost(sum, more *pool.HostStats) {
	sum.Requests += more.Requests
	sum.Opened += more.Opened
	addTo(sum.New, more.New)
	addTo(sum.Lost, more.Lost)
}

func addTo(sum, more words) {
	for word, n := range more {
		sum[word] += n
	}
}

// scrapes are what Prometheus makes of one scrape after the other.
type scrapes struct {
	last  map[string]float64 // by metric and labels
	risen map[string]float64 // by metric: how far its series have risen, all together
}

// scrape ends the test if a series has fallen since the last one: none may that has not been
// away in between.
func (p *scrapes) scrape(t *testing.T, c *collector, most int) {
	t.Helper()
	now := map[string]float64{}
	if p.risen == nil {
		p.risen = map[string]float64{}
	}
	for _, f := range gather(t, c) {
		if f.GetType() != dto.MetricType_COUNTER {
			continue
		}
		own := map[string]bool{}
		for _, metric := range f.Metric {
			key := f.GetName()
			for _, l := range metric.Label {
				key += " " + l.GetValue()
				if l.GetName() == "host" {
					own[l.GetValue()] = true
				}
			}
			v := metric.GetCounter().GetValue()
			if v < p.last[key] {
				t.Fatalf("%s fell from %v to %v", key, p.last[key], v)
			}
			p.risen[f.GetName()] += v - p.last[key]
			now[key] = v
		}
		if len(own) > most+1 {
			t.Fatalf("%d hosts of %s, want %d and other", len(own), f.GetName(), most)
		}
	}
	p.last = now
}

// TestNothingIsCountedTwice follows a Pool with more hosts than series. If its sums forget
// connections, less of them may be counted, and never more.
func TestNothingIsCountedTwice(t *testing.T) {
	for seed := range uint64(6) {
		m := newModel(seed)
		m.foreign = seed%2 == 1
		c := newCollector(m.stats, Options{MaxHosts: 5})
		var p scrapes
		for range 200 {
			for range m.rng.IntN(8) {
				m.step()
			}
			p.scrape(t, c, 5)
			for name, want := range map[string]uint64{
				"warmconn_pool_requests_total":           m.truth.Requests,
				"warmconn_pool_connections_new_total":    m.truth.New["first"] + m.truth.New["body_unread"],
				"warmconn_pool_connections_opened_total": m.truth.Opened,
				"warmconn_pool_connections_closed_total": m.truth.Lost["dead"] + m.truth.Lost["goaway"],
			} {
				got := uint64(p.risen[name])
				less := m.foreign && (strings.Contains(name, "opened") || strings.Contains(name, "closed"))
				if got > want || got < want && !less {
					t.Fatalf("seed %d: %s rose by %d in all, want %d", seed, name, got, want)
				}
			}
		}
	}
}

// fixed is a collector over Stats that the test changes.
func fixed(most int, hosts ...string) (*pool.Stats, *collector) {
	s := new(pool.Stats)
	for _, host := range hosts {
		s.Hosts = append(s.Hosts, *newHost(host))
	}
	return s, newCollector(func() pool.Stats {
		out := *s
		out.Hosts, out.Lost = slices.Clone(s.Hosts), maps.Clone(s.Lost)
		for i := range out.Hosts {
			out.Hosts[i].Lost = maps.Clone(s.Hosts[i].Lost)
		}
		return out
	}, Options{MaxHosts: most})
}

// The connections of one of two transports leave the figures of their host when it is
// collected, and its TLS handshakes do.
func TestAHostsFiguresMayFall(t *testing.T) {
	s, c := fixed(5, "https://a:443")
	h := &s.Hosts[0]
	var p scrapes
	h.Opened, h.Handshakes, h.Resumed, s.Opened = 10, 10, 5, 10
	p.scrape(t, c, 5)
	h.Opened, h.Handshakes, h.Resumed = 4, 4, 2
	p.scrape(t, c, 5)
	h.Opened, h.Handshakes, h.Resumed, s.Opened = 5, 5, 3, 11
	p.scrape(t, c, 5)
	for name, want := range map[string]float64{"connections_opened": 11, "tls_handshakes": 11, "tls_resumptions": 6} {
		if got := p.risen["warmconn_pool_"+name+"_total"]; got != want {
			t.Errorf("%s rose by %v, want %v", name, got, want)
		}
	}
}

// A connection whose reason becomes known once it was counted is under both.
func TestTheReasonOfAClosedConnectionMayChange(t *testing.T) {
	s, c := fixed(1, "http://a:80", "http://b:80")
	var p scrapes
	for _, lost := range []words{{"unknown": 2}, {"unknown": 1, "dead": 1}, {"unknown": 2, "dead": 1}} {
		s.Hosts[0].Lost, s.Lost = maps.Clone(lost), maps.Clone(lost)
		p.scrape(t, c, 1)
	}
	const name = "warmconn_pool_connections_closed_total"
	if p.last[name+" http://a:80 unknown"] != 3 || p.last[name+" http://a:80 dead"] != 1 || p.risen[name] != 4 {
		t.Errorf("%v", p.last)
	}
}

// The sums lose the connections of a foreign base with their host: what other seems to have
// too many of then is not held against it.
func TestOtherRisesAfterTheSumsFell(t *testing.T) {
	s, c := fixed(2, "http://a:80", "http://b:80", "http://c:80")
	a, b, rest := &s.Hosts[0], &s.Hosts[1], &s.Hosts[2]
	var p scrapes
	for _, opened := range [][3]uint64{{100, 0, 10}, {0, 30, 10}, {0, 30, 17}} {
		a.Opened, b.Opened, rest.Opened = opened[0], opened[1], opened[2]
		s.Opened = a.Opened + b.Opened + rest.Opened
		p.scrape(t, c, 2)
	}
	if got := p.risen["warmconn_pool_connections_opened_total"]; got != 147 {
		t.Errorf("the series rose by %v, want 100 + 30 + 17", got)
	}
}
