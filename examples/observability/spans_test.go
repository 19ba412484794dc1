package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"testing"
	"time"
)

// attrs are OpenTelemetry's attributes as its JSON has them; the value of an attribute
// that is no string is empty.
type attrs []struct {
	Key   string
	Value struct{ StringValue string }
}

func (a attrs) of(key string) string {
	for _, kv := range a {
		if kv.Key == key {
			return kv.Value.StringValue
		}
	}
	return ""
}

// span is one of the Collector's file.
type span struct {
	TraceID, SpanID string
	Name            string
	Attributes      attrs
	Links           []struct {
		TraceID, SpanID string
		Attributes      attrs
	}
}

// spansOf reads the Collector's file, by trace and span. The last line may not be whole yet.
func spansOf(t *testing.T, file string) map[[2]string]span {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make(map[[2]string]span)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var batch struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []span }
			}
		}
		if json.Unmarshal(lines.Bytes(), &batch) != nil {
			continue
		}
		for _, r := range batch.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, sp := range s.Spans {
					all[[2]string{sp.TraceID, sp.SpanID}] = sp
				}
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
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
