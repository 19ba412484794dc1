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

// model is a Pool whose hosts come, count, are forgotten and come back.
type model struct {
	rng  *rand.Rand
	live map[string]*pool.HostStats
	past pool.HostStats // what forgotten ones have counted
}

func (m *model) step() {
	host := fmt.Sprintf("http://h%02d:80", m.rng.IntN(30))
	h := m.live[host]
	switch {
	case h == nil:
		m.live[host] = &pool.HostStats{Host: host, New: words{}, Lost: words{}}
	case m.rng.IntN(6) == 0:
		m.past.Requests += h.Requests
		m.past.Opened += h.Opened
		addTo(m.past.New, h.New)
		addTo(m.past.Lost, h.Lost)
		delete(m.live, host)
	case m.rng.IntN(6) == 0: // an Exempt request: it is in the sum, and no host's
		m.past.New["first"]++
	default:
		h.Requests += uint64(m.rng.IntN(100))
		h.Opened++
		h.New[[]roundtripper.NewReason{"first", "body_unread"}[m.rng.IntN(2)]]++
		h.Lost[[]roundtripper.NewReason{"dead", "goaway"}[m.rng.IntN(2)]]++
		h.Open = m.rng.IntN(5)
	}
}

func (m *model) stats() pool.Stats {
	s := pool.Stats{New: maps.Clone(m.past.New), Lost: maps.Clone(m.past.Lost), Opened: m.past.Opened}
	s.Requests = m.past.Requests
	for _, h := range m.live {
		c := *h
		c.New, c.Lost = maps.Clone(h.New), maps.Clone(h.Lost)
		s.Hosts = append(s.Hosts, c)
		s.Requests += h.Requests
		s.Opened += h.Opened
		addTo(s.New, h.New)
		addTo(s.Lost, h.Lost)
	}
	slices.SortFunc(s.Hosts, func(a, b pool.HostStats) int { return strings.Compare(a.Host, b.Host) })
	return s
}

func addTo(sum, more words) {
	for word, n := range more {
		sum[word] += n
	}
}

// TestNothingIsCountedTwice follows a Pool with more hosts than series, as Prometheus
// would: it adds up how far each series has risen, and a fall is a restart at zero.
func TestNothingIsCountedTwice(t *testing.T) {
	for seed := range uint64(6) {
		m := &model{rng: rand.New(rand.NewPCG(seed, 1)), live: map[string]*pool.HostStats{}, past: pool.HostStats{New: words{}, Lost: words{}}}
		c := newCollector(m.stats, Options{MaxHosts: 5})
		last, risen := map[string]float64{}, map[string]float64{}
		for range 200 {
			for range m.rng.IntN(8) {
				m.step()
			}
			now := map[string]float64{}
			for _, f := range gather(t, c) {
				if f.GetType() != dto.MetricType_COUNTER {
					continue
				}
				own := map[string]bool{}
				for _, metric := range f.Metric {
					key, host := f.GetName(), ""
					for _, l := range metric.Label {
						key += " " + l.GetValue()
						if l.GetName() == "host" {
							host = l.GetValue()
						}
					}
					own[host] = true
					v := metric.GetCounter().GetValue()
					now[key] = v
					if v < last[key] {
						if host == other {
							t.Fatalf("seed %d: %s fell from %v to %v", seed, key, last[key], v)
						}
						last[key] = 0
					}
					risen[f.GetName()] += v - last[key]
				}
				if len(own) > 5+1 {
					t.Fatalf("%d hosts of %s, want 5 and other", len(own), f.GetName())
				}
			}
			last = now
		}
		s := m.stats()
		for name, want := range map[string]float64{
			"warmconn_pool_requests_total": float64(s.Requests), "warmconn_pool_connections_opened_total": float64(s.Opened),
			"warmconn_pool_connections_new_total":    float64(s.New["first"] + s.New["body_unread"]),
			"warmconn_pool_connections_closed_total": float64(s.Lost["dead"] + s.Lost["goaway"]),
		} {
			// A host that is forgotten and back within one collection, having counted more than before, is not told from one that stayed.
			if got := risen[name]; got != want {
				t.Errorf("seed %d: %s rose by %v in all, want %v", seed, name, got, want)
			}
		}
	}
}
