package main

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
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
	sameAll := func(what string, got, want map[string]float64) {
		for _, key := range slices.Sorted(maps.Keys(want)) {
			same(key+" "+what, got[key], want[key])
		}
		for _, key := range tooMany(got, want) {
			fmt.Fprintf(&differ, "%s %s: Prometheus has %v, want no such series\n", key, what, got[key])
		}
	}
	within(t, 30*time.Second, "the figures to agree", func() bool {
		told.mu.Lock() // the end of a body that leaked may be told late
		defer told.mu.Unlock()
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
		// By name, as OpenTelemetry's labels are; and by host, or host and reason, as poolprom's.
		ofStats, ofTally := make(map[string]map[string]float64), make(map[string]map[string]float64)
		add := func(to map[string]map[string]float64, what, key string, n float64) {
			if to[what] == nil {
				to[what] = make(map[string]float64)
			}
			to[what][key] = n
		}
		for who, n := range told.reasons {
			name, _, _ := net.SplitHostPort(strings.TrimPrefix(who[0], "http://"))
			add(ofTally, "new", name+" "+who[1], n)
		}
		for _, h := range stats.Hosts {
			name, _, _ := net.SplitHostPort(strings.TrimPrefix(h.Host, "http://"))
			var sum float64
			for reason, n := range h.New {
				sum += float64(n)
				add(ofStats, "new", name+" "+string(reason), float64(n))
				add(ofStats, "connections_new_total", h.Host+" "+string(reason), float64(n))
			}
			same(name+" new, and opened less the unused", sum, float64(h.Opened-h.Lost["unused"])-unused[h.Host])
			add(ofStats, "requests", name, float64(h.Requests))
			add(ofTally, "requests", name, told.requests[h.Host])
			add(ofStats, "open", name, float64(h.Open))
			if n, ok := s.sites.of[name].Established(); ok {
				same(name+" open connections and the kernel", open[name], float64(n))
			}
			add(ofStats, "leaks", name, float64(h.Leaks))
			add(ofTally, "waits", name, told.waits[h.Host])
			add(ofTally, "queued", name, told.queued[h.Host])
			// Stats has the waits for a slot; the others are the exchanges' for a connection.
			same(name+" time in queue, and Stats' and that for connections", queued[name], h.WaitTime.Seconds()+told.forConn[h.Host])
			for metric, n := range map[string]float64{
				"requests_total": float64(h.Requests), "open_connections": float64(h.Open), "connections_opened_total": float64(h.Opened),
				"wait_seconds_total": h.WaitTime.Seconds(), "leaks_total": float64(h.Leaks),
			} {
				add(ofStats, metric, h.Host, n)
			}
		}
		for what, got := range map[string]map[string]float64{"requests": requests, "new": news, "open": open, "leaks": leaks} {
			sameAll(what+" and Stats", got, ofStats[what])
		}
		for what, got := range map[string]map[string]float64{"requests": requests, "new": news, "waits": waits, "queued": queued} {
			sameAll(what+" and exchanges", got, ofTally[what])
		}
		for _, metric := range []string{"requests_total", "open_connections", "connections_opened_total", "wait_seconds_total", "leaks_total"} {
			sameAll(metric, s.byLabels(t, "sum by (host) (warmconn_pool_"+metric+")", "host"), ofStats[metric])
		}
		sameAll("connections_new_total", s.byLabels(t, "sum by (host, reason) (warmconn_pool_connections_new_total)", "host", "reason"), ofStats["connections_new_total"])
		if len(stats.Hosts) != len(s.sites.of) {
			fmt.Fprintf(&differ, "%d hosts, want %d\n", len(stats.Hosts), len(s.sites.of))
		}
		return differ.Len() == 0
	})
	told.mu.Lock()
	defer told.mu.Unlock()
	if n := told.waits["http://"+search+":80"]; n < 10 {
		t.Errorf("%v requests waited: that shows nothing", n)
	}
}

// tooMany are the series that there should not be.
func tooMany(got, want map[string]float64) (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestASeriesTooManyIsFound(t *testing.T) {
	got := tooMany(map[string]float64{"a first": 1, "a made_up": 0, "b first": 1}, map[string]float64{"a first": 1, "a timeout": 2})
	if !slices.Equal(got, []string{"a made_up", "b first"}) {
		t.Errorf("got %q", got)
	}
}
