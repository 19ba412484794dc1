package main

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// attrs are OpenTelemetry's attributes as its JSON has them; of those that are no strings
// the value is empty.
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
