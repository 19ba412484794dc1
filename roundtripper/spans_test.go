package roundtripper_test

import (
	"context"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"
)

// spans is a TracerProvider whose spans report calls after their end.
type spans struct {
	embedded.TracerProvider

	mu      sync.Mutex
	started int
	after   []string
}

func (s *spans) Tracer(string, ...trace.TracerOption) trace.Tracer {
	return lateTracer{all: s}
}

type lateTracer struct {
	embedded.Tracer
	all *spans
}

func (t lateTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	t.all.mu.Lock()
	t.all.started++
	t.all.mu.Unlock()
	sp := &lateSpan{all: t.all}
	return trace.ContextWithSpan(ctx, sp), sp
}

func (s *spans) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started
}

func (s *spans) late() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.after, ", ")
}

type lateSpan struct {
	noop.Span
	all   *spans
	ended bool
}

func (s *lateSpan) touch(what string, ends bool) {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	if s.ended {
		s.all.after = append(s.all.after, what)
	}
	s.ended = s.ended || ends
}

func (s *lateSpan) SpanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})
}

func (s *lateSpan) IsRecording() bool                     { return true }
func (s *lateSpan) End(...trace.SpanEndOption)            { s.touch("End", true) }
func (s *lateSpan) SetAttributes(...attribute.KeyValue)   { s.touch("SetAttributes", false) }
func (s *lateSpan) SetStatus(codes.Code, string)          { s.touch("SetStatus", false) }
func (s *lateSpan) SetName(string)                        { s.touch("SetName", false) }
func (s *lateSpan) AddLink(trace.Link)                    { s.touch("AddLink", false) }
func (s *lateSpan) AddEvent(string, ...trace.EventOption) { s.touch("AddEvent", false) }
func (s *lateSpan) RecordError(error, ...trace.EventOption) {
	s.touch("RecordError", false)
}
