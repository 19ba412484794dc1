package poolprom

import (
	"fmt"
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
		m.live[host] = &pool.HostStats{Host: host, Lost: lost{}}
	case m.rng.IntN(6) == 0:
		m.past.Requests += h.Requests
		m.past.Opened += h.Opened
		for word, n := range h.Lost {
			m.past.Lost[word] += n
		}
		delete(m.live, host)
	default:
		h.Requests += uint64(m.rng.IntN(100))
		h.Opened++
		h.Lost[[]roundtripper.NewReason{"dead", "goaway"}[m.rng.IntN(2)]]++
		h.Open = m.rng.IntN(5)
	}
}

func (m *model) stats() pool.Stats {
	s := pool.Stats{Lost: lost{}, Opened: m.past.Opened}
	s.Requests = m.past.Requests
	add := func(words lost) {
		for word, n := range words {
			s.Lost[word] += n
		}
	}
	add(m.past.Lost)
	for _, h := range m.live {
		c := *h
		c.Lost = lost{}
		for word, n := range h.Lost {
			c.Lost[word] = n
		}
		s.Hosts = append(s.Hosts, c)
		s.Requests += h.Requests
		s.Opened += h.Opened
		add(h.Lost)
	}
	slices.SortFunc(s.Hosts, func(a, b pool.HostStats) int { return strings.Compare(a.Host, b.Host) })
	return s
}

// TestNothingIsCountedTwice follows a Pool with more hosts than series, as Prometheus
// would: it adds up how far each series has risen, and a fall is a restart at zero.
func TestNothingIsCountedTwice(t *testing.T) {
	for seed := range uint64(6) {
		m := &model{rng: rand.New(rand.NewPCG(seed, 1)), live: map[string]*pool.HostStats{}, past: pool.HostStats{Lost: lost{}}}
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
			"warmconn_pool_connections_closed_total": float64(s.Lost["dead"] + s.Lost["goaway"]),
		} {
			// A host that is forgotten and back within one collection, having counted more than before, is not told from one that stayed.
			if got := risen[name]; got != want {
				t.Errorf("seed %d: %s rose by %v in all, want %v", seed, name, got, want)
			}
		}
	}
}
