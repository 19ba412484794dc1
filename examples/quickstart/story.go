package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// story is what the spans say of one incident.
type story struct {
	title string
	setup string // what was sent, and through which layers
	// told are the spans to show; links may lead to any of all.
	told, all []sdktrace.ReadOnlySpan
	lines     []string // what the kit reported by other means
	err       error    // why there is nothing to show
}

// tell runs the incident's story.
func (inc *incident) tell(ctx context.Context) *story {
	s, err := inc.story(ctx)
	if s == nil {
		s = new(story)
	}
	s.title, s.err = inc.id+" "+inc.title, err
	return s
}

// take adds the last of the kit's spans that has the attribute: what led to it
// is complete by then. It must link to a request to blamed or below it, if that
// is not empty.
func (s *story) take(k *kit, key, value, blamed string) error {
	s.all = k.spans.spans()
	for _, span := range slices.Backward(s.all) {
		if textOf(span, key) != value {
			continue
		}
		s.told = append(s.told, span)
		if blamed == "" {
			return nil
		}
		for _, l := range span.Links() {
			if c := s.culprit(l.SpanContext); c != nil && strings.HasPrefix(requestPath(c), blamed) {
				return nil
			}
		}
		return fmt.Errorf("no link from the span with %s=%s to the culprit, %s", key, value, blamed)
	}
	return fmt.Errorf("no span with %s=%s", key, value)
}

func (s *story) culprit(id oteltrace.SpanContext) sdktrace.ReadOnlySpan {
	for _, span := range s.all {
		if span.SpanContext().SpanID() == id.SpanID() && span.SpanContext().TraceID() == id.TraceID() {
			return span
		}
	}
	return nil
}

func (s *story) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", s.title)
	if s.setup != "" {
		fmt.Fprintf(w, "  %s\n", s.setup)
	}
	for _, span := range s.told {
		fmt.Fprintf(w, "  span %s %s %s\n", span.SpanContext().SpanID(), span.Name(), requestPath(span))
		attrs := slices.SortedFunc(slices.Values(span.Attributes()), func(a, b attribute.KeyValue) int {
			return strings.Compare(string(a.Key), string(b.Key))
		})
		for _, kv := range attrs {
			if key := string(kv.Key); strings.HasPrefix(key, "http.conn.") || strings.HasPrefix(key, "warmconn.") {
				fmt.Fprintf(w, "    %-24s %s\n", key, shortSite(kv.Value.String()))
			}
		}
		for _, l := range span.Links() {
			to := "a span that was not kept"
			if c := s.culprit(l.SpanContext); c != nil {
				to = c.Name() + " " + requestPath(c)
			}
			fmt.Fprintf(w, "    link -> %s %s", l.SpanContext.SpanID(), to)
			for _, kv := range l.Attributes {
				fmt.Fprintf(w, " (%s=%s)", kv.Key, kv.Value.String())
			}
			fmt.Fprintln(w)
		}
	}
	for _, line := range s.lines {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if s.err != nil {
		fmt.Fprintf(w, "  FAIL: %v\n", s.err)
	}
}

// requestPath is the path of the span's request.
func requestPath(s sdktrace.ReadOnlySpan) string {
	u, err := url.Parse(textOf(s, "url.full"))
	if err != nil {
		return "?"
	}
	return u.Path
}

// shortSite cuts the directories off a call site's file, which are the reader's own.
func shortSite(caller string) string {
	file, rest, ok := strings.Cut(caller, ".go:")
	if !ok {
		return caller
	}
	return path.Base(strings.ReplaceAll(file, "\\", "/")) + ".go:" + rest
}
