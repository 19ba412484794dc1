package poolz

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/warmconn/warmconn/pool"
)

const (
	// hostsMost is how many hosts a page lists, and ringsMost how many have a history: a few
	// more, so that one at the edge keeps its own.
	hostsMost = 200
	ringsMost = 256
	// inFlightMost is how many requests in flight it lists, and connsMost how many connections
	// of one host.
	inFlightMost = 50
	connsMost    = 200
	// costsMost is how many call sites that cost connections it lists, the dearest.
	costsMost = 30
	// costShare: what is asked of a Pool takes at most this part of the time. Its cost grows
	// with the number of hosts.
	costShare = 50
	// trafficFor is how long a request counts for a host's place in the list, about.
	trafficFor = time.Minute
)

// sample is a Pool at one moment. It does not change.
type sample struct {
	at       time.Time
	took     time.Duration
	cost     time.Duration // took, or that of the sample before, if it was less: the machine may be busy
	stats    pool.Stats
	traffic  []float64 // of stats.Hosts, requests per second of late
	order    []int32   // of stats.Hosts, the most traffic first
	inFlight []pool.Request
	closed   bool
}

// goodFor is for how long it need not be taken again.
func (s *sample) goodFor() time.Duration { return costShare * s.cost }

// good reports whether it need not be taken again yet. There may be none.
func (s *sample) good(now time.Time) bool { return s != nil && now.Sub(s.at) < s.goodFor() }

// take asks the Pool. Before is the sample before, and last the one at the last point of the
// history; nil if there is none.
func take(in inspected, p *pool.Pool, before, last *sample) *sample {
	s := &sample{at: time.Now(), closed: in.Closed()}
	s.stats = p.Stats()
	s.inFlight = in.OldestInFlight("", inFlightMost)
	s.rank(last)
	s.took = time.Since(s.at)
	s.cost = s.took
	if before != nil {
		s.cost = min(s.took, before.took)
	}
	return s
}

// rank puts the hosts into order.
func (s *sample) rank(last *sample) {
	hosts := s.stats.Hosts
	s.traffic, s.order = make([]float64, len(hosts)), make([]int32, len(hosts))
	seconds, keep := 0.0, 1.0
	if last != nil {
		seconds = s.at.Sub(last.at).Seconds()
		keep = math.Exp(-seconds / trafficFor.Seconds())
	}
	beside(last, s, func(i int, before *pool.HostStats, traffic float64) {
		if seconds > 0 {
			var was uint64
			if before != nil {
				was = before.Requests
			}
			traffic = keep*traffic + (1-keep)*float64(grown(hosts[i].Requests, was))/seconds
		}
		s.traffic[i] = traffic
		s.order[i] = int32(i) // #nosec G115 -- a number of hosts in memory
	})
	slices.SortFunc(s.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(s.traffic[b], s.traffic[a]), cmp.Compare(hosts[b].Requests, hosts[a].Requests), cmp.Compare(a, b))
	})
}

// beside calls f for each host of s, with what it was in last, nil if it was not there. Both
// are sorted by name.
func beside(last, s *sample, f func(i int, before *pool.HostStats, traffic float64)) {
	j := 0
	for i := range s.stats.Hosts {
		var before *pool.HostStats
		traffic := 0.0
		if last != nil {
			old := last.stats.Hosts
			for j < len(old) && old[j].Host < s.stats.Hosts[i].Host {
				j++
			}
			if j < len(old) && old[j].Host == s.stats.Hosts[i].Host {
				before, traffic = &old[j], last.traffic[j]
			}
		}
		f(i, before, traffic)
	}
}

// find is the place of the host of that name, -1 if it is not there.
func (s *sample) find(name string) int {
	i, ok := slices.BinarySearchFunc(s.stats.Hosts, name, func(h pool.HostStats, name string) int { return cmp.Compare(h.Host, name) })
	if !ok {
		return -1
	}
	return i
}
