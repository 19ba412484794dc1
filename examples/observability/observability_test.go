package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// within waits for what other processes do, and ends the test if they do not in time.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func needPrometheus(t *testing.T) {
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Skip("SKIPPED: ", err)
	}
}

// byLabels is an expression's value by the values of its labels.
func (s *station) byLabels(t *testing.T, expr string, labels ...string) map[string]float64 {
	t.Helper()
	all, err := s.prometheus.query(t.Context(), expr)
	if err != nil {
		t.Fatal(err)
	}
	by := make(map[string]float64)
	for _, one := range all {
		var key []string
		for _, l := range labels {
			key = append(key, one.labels[l])
		}
		by[strings.Join(key, " ")] = one.value
	}
	return by
}

// fires says which alerts fire, by name and host.
func (s *station) fires(t *testing.T) map[[2]string]bool {
	t.Helper()
	alerts, err := s.prometheus.alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[[2]string]bool)
	for _, a := range alerts {
		if a.State == "firing" {
			all[[2]string{a.Labels["alertname"], a.Labels["server_address"]}] = true
		}
	}
	return all
}

// One run of everything, for it takes a while. The parts are in the order of its time.
func TestAnOperatorSeesWhatHappens(t *testing.T) {
	needPrometheus(t)
	told := newTally()
	s, err := start(t.Context(), told.observe())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()

	t.Run("good callers fire no alert", func(t *testing.T) {
		l := begin(t.Context(), s, good)
		defer l.end()
		within(t, time.Minute, "500 requests in Prometheus", func() bool {
			return s.byLabels(t, `sum by (server_address) (http_client_request_duration_seconds_count)`, "server_address")[catalog] > 500
		})
		if got := s.fires(t); len(got) > 0 {
			t.Errorf("%v fire", got)
		}
	})

	l := begin(t.Context(), s, callers)
	for _, c := range bad {
		if c.fires == "" {
			continue
		}
		t.Run(c.fires, func(t *testing.T) {
			if c.host == far && runtime.GOOS != "linux" {
				t.Skip("SKIPPED: no path dies here")
			}
			within(t, time.Minute, c.fires+" of a program that "+c.name, func() bool { return s.fires(t)[[2]string{c.fires, c.host}] })
		})
	}
	t.Run("the server's idle limit is learned", func(t *testing.T) {
		within(t, time.Minute, "it in Prometheus", func() bool {
			return s.byLabels(t, `warmconn_pool_server_idle_seconds`, "host")["http://"+stock+":80"] > 0
		})
	})
	t.Run("every query of the dashboard has an answer", func(t *testing.T) {
		for title, exprs := range readDashboard(t).queries() {
			for _, expr := range exprs {
				if len(s.byLabels(t, expr)) == 0 {
					t.Errorf("%s: nothing for %s", title, expr)
				}
			}
		}
	})
	t.Run("no other alert fires", func(t *testing.T) {
		own := map[string]string{"WarmconnLeaks": reports, "WarmconnQueue": search, "WarmconnDeadPaths": far}
		for is := range s.fires(t) {
			if host, ok := own[is[0]]; is[1] == catalog || ok && is[1] != host {
				t.Errorf("%s fires for %s", is[0], is[1])
			}
		}
	})
	l.end()

	within(t, time.Minute, "the last body to end", func() bool {
		runtime.GC() // leaked ones
		return s.kit.Stats().InUse == 0
	})
	if err := s.providers.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("Prometheus, Stats and the kernel agree", func(t *testing.T) { s.agree(t, told) })
	t.Run("exemplars lead to spans", s.exemplarsLeadToSpans)
	t.Run("links are intact", s.linksAreIntact)
	t.Run("every metric that is named exists", func(t *testing.T) {
		have, err := s.prometheus.names(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names := named(t)
		if len(names) < 30 {
			t.Errorf("only %d names found", len(names))
		}
		for _, name := range names {
			if !have[name] {
				t.Errorf("Prometheus has no %s", name)
			}
		}
		if have["warmconn_no_such_total"] {
			t.Error("it has what there is not")
		}
	})
}

// agree compares Prometheus with what the exchanges, the pool and the kernel say.
func (s *station) agree(t *testing.T, told *tally) {
	var differ bytes.Buffer
	defer func() { t.Log(differ.String()) }()
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
			same(name+" new, and opened less those never used", sum, float64(h.Opened-h.Lost["unused"])-unused[h.Host])
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
				"requests_total": float64(h.Requests), "open_connections": float64(h.Open), "connections_opened_total": float64(h.Opened),
				"wait_seconds_total": h.WaitTime.Seconds(), "leaks_total": float64(h.Leaks),
			} {
				same(name+" "+metric, s.byLabels(t, "warmconn_pool_"+metric, "host")[h.Host], want)
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

// exemplarsLeadToSpans: each that Prometheus has is that of a span in the Collector's file, to the same host.
func (s *station) exemplarsLeadToSpans(t *testing.T) {
	for _, histogram := range []string{"http_client_request_duration_seconds", "warmconn_request_time_in_queue_seconds"} {
		var missing string
		within(t, 30*time.Second, "the spans of "+histogram, func() bool {
			all, err := s.prometheus.exemplars(t.Context(), histogram+"_bucket")
			if err != nil {
				t.Fatal(err)
			}
			spans := spansOf(t, s.collector.spans)
			missing = fmt.Sprintf("%d exemplars", len(all))
			hosts := make(map[string]bool)
			for _, e := range all {
				sp, ok := spans[[2]string{e.trace, e.span}]
				if !ok || sp.Attributes.of("server.address") != e.series["server_address"] {
					missing = fmt.Sprintf("%+v has no span, or %+v", e, sp)
					return false
				}
				hosts[e.series["server_address"]] = true
			}
			return len(all) >= 10 && len(hosts) >= 2
		})
		t.Log(missing)
	}
}

// linksAreIntact: the span of a request that paid for another's deed leads to that one's.
func (s *station) linksAreIntact(t *testing.T) {
	spans := spansOf(t, s.collector.spans)
	reasons := make(map[string]int)
	for _, sp := range spans {
		for _, l := range sp.Links {
			culprit, ok := spans[[2]string{l.TraceID, l.SpanID}]
			why := l.Attributes.of("warmconn.new_reason")
			if !ok || why == "" || why != sp.Attributes.of("warmconn.new_reason") || culprit.Attributes.of("server.address") != sp.Attributes.of("server.address") {
				t.Fatalf("the link %+v of %+v leads to %+v", l, sp, culprit)
			}
			if lost := culprit.Attributes.of("warmconn.lost_reason"); lost != why {
				t.Errorf("new for %s because of a span that has lost its connection for %q", why, lost)
			}
			reasons[why]++
		}
	}
	t.Logf("%d spans, links by reason: %v", len(spans), maps.Clone(reasons))
	for _, why := range []string{"body_unread", "server_close"} {
		if reasons[why] == 0 {
			t.Errorf("no links for %s", why)
		}
	}
}

// The command as a user starts it, with an end.
func TestTheCommandLeavesNothingBehind(t *testing.T) {
	needPrometheus(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watched{until: "requests, ", then: cancel}
	if err := run(ctx, out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Prometheus", "/alerts", "/metrics", "spans.json", "firing: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not print %s:\n%s", want, out)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
	for line := range strings.Lines(out.String()) {
		if _, url, ok := strings.Cut(line, "http://"); ok {
			addr, _, _ := strings.Cut(strings.TrimSpace(url), "/")
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Close()
				t.Errorf("%s still listens", addr)
			}
		}
	}
}

// watched calls then once it was written until.
type watched struct {
	bytes.Buffer
	until string
	then  func()
}

func (w *watched) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.until)) {
		w.then()
	}
	return w.Buffer.Write(p)
}
