package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
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
				within(t, 30*time.Second, title+": an answer to "+expr, func() bool { return len(s.byLabels(t, expr)) > 0 })
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
			t.Error("Prometheus has a metric that does not exist")
		}
	})
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

// A Prometheus that ends by itself is told, and leaves no process.
func TestAPrometheusThatHasEndedIsTold(t *testing.T) {
	needPrometheus(t)
	s, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.prometheus.process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.prometheus.ended
	if err := s.stop(); err == nil {
		t.Error("stop says nothing of it")
	}
	if err := s.prometheus.process.Signal(syscall.Signal(0)); err == nil {
		t.Error("the process is there")
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
