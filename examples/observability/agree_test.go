package main

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"
	"time"
)

// agree compares Prometheus' figures with the exchanges', the pool's and the kernel's.
func (s *station) agree(t *testing.T, told *tally) {
	var differ bytes.Buffer
	defer func() {
		if t.Failed() {
			t.Log(differ.String())
		}
	}()
	same := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-9*math.Abs(want) {
			fmt.Fprintf(&differ, "%s: Prometheus has %v, want %v\n", what, got, want)
		}
	}
	within(t, 30*time.Second, "the figures to agree", func() bool {
		differ.Reset()
		stats := s.kit.Stats()
		requests := s.byLabels(t, `sum by (server_address) (http_client_request_duration_seconds_count)`, "server_address")
		news := s.byLabels(t, `sum by (server_address, warmconn_new_reason) (warmconn_connection_new_total)`, "server_address", "warmconn_new_reason")
		open := s.byLabels(t, `sum by (server_address) (http_client_open_connections)`, "server_address")
		queued := s.byLabels(t, `sum by (server_address) (warmconn_request_time_in_queue_seconds_sum)`, "server_address")
		waits := s.byLabels(t, `sum by (server_address) (warmconn_request_time_in_queue_seconds_count)`, "server_address")
		leaks := s.byLabels(t, `sum by (server_address) (warmconn_leaks_total)`, "server_address")
		unused := make(map[string]float64)
		for _, c := range s.kit.Pool.Conns() {
			if c.Uses == 0 {
				unused[c.Host]++
			}
		}
		for _, h := range stats.Hosts {
			name, _, _ := net.SplitHostPort(strings.TrimPrefix(h.Host, "http://"))
			same(name+" requests and Stats", requests[name], float64(h.Requests))
			same(name+" requests and exchanges", requests[name], told.requests[h.Host])
			var sum float64
			for who, n := range told.reasons {
				if who[0] == h.Host {
					sum += n
					same(name+" new for "+who[1], news[name+" "+who[1]], n)
				}
			}
			same(name+" new, and opened less the unused", sum, float64(h.Opened-h.Lost["unused"])-unused[h.Host])
			same(name+" open connections and Stats", open[name], float64(h.Open))
			if n, ok := s.sites.of[name].Established(); ok {
				same(name+" open connections and the kernel", open[name], float64(n))
			}
			same(name+" waits", waits[name], told.waits[h.Host])
			same(name+" time in queue", queued[name], told.queued[h.Host])
			if queued[name] < h.WaitTime.Seconds() {
				fmt.Fprintf(&differ, "%s: %v s in queue, Stats has %v\n", name, queued[name], h.WaitTime)
			}
			same(name+" leaks", leaks[name], float64(h.Leaks))
			for metric, want := range map[string]float64{
				"requests_total": float64(h.Requests), "open_connections": float64(h.Open), "connections_opened_total": float64(h.Opened), "connections_new_total": sum,
				"wait_seconds_total": h.WaitTime.Seconds(), "leaks_total": float64(h.Leaks),
			} {
				same(name+" "+metric, s.byLabels(t, "sum by (host) (warmconn_pool_"+metric+")", "host")[h.Host], want)
			}
		}
		if len(stats.Hosts) != len(s.sites.of) {
			fmt.Fprintf(&differ, "%d hosts, want %d\n", len(stats.Hosts), len(s.sites.of))
		}
		return differ.Len() == 0
	})
	if n := told.waits["http://"+search+":80"]; n < 10 {
		t.Errorf("%v requests waited: that shows nothing", n)
	}
}
