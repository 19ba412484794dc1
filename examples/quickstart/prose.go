package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// prose is an exporter that writes spans as sentences.
type prose struct {
	w   io.Writer
	all []sdktrace.ReadOnlySpan // those that links may lead to
}

// inWords says what the reasons on a span mean, of a connection that is gone.
var inWords = map[string]string{
	"first":               "none was made to this host before",
	"all_busy":            "all others were in use",
	"body_unread":         "a body was closed before its end",
	"body_leaked":         "a body was dropped and never closed",
	"canceled":            "a request was cancelled",
	"timeout":             "a request's deadline passed",
	"idle_limit":          "the transport keeps fewer idle connections than the program uses",
	"idle_timeout":        "it was idle for too long",
	"server_closed_idle":  "the server closed it while it was idle",
	"server_close":        "the server said Connection: close",
	"client_close":        "the program said Connection: close",
	"keepalives_disabled": "the transport has keep-alive switched off",
}

func words(reason string) string {
	if w, ok := inWords[reason]; ok {
		return w
	}
	return reason
}

// ExportSpans implements sdktrace.SpanExporter.
func (p prose) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		if _, err := fmt.Fprintf(p.w, "  %s\n", p.sentence(s)); err != nil {
			return err
		}
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (prose) Shutdown(context.Context) error { return nil }

func (p prose) sentence(s sdktrace.ReadOnlySpan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s in %v,", s.Name(), requestPath(s), textOf(s, "http.response.status_code"),
		s.EndTime().Sub(s.StartTime()).Round(10*time.Microsecond))
	conn := textOf(s, "warmconn.conn_id")
	if reason := textOf(s, newReasonKey); reason == "" {
		fmt.Fprintf(&b, " over connection %s again.", conn)
	} else {
		fmt.Fprintf(&b, " over a new connection, number %s, because %s", conn, words(reason))
		for _, l := range s.Links() {
			for _, c := range p.all {
				if c.SpanContext().SpanID() == l.SpanContext.SpanID() {
					fmt.Fprintf(&b, " (%s %s did that)", c.Name(), requestPath(c))
				}
			}
		}
		b.WriteString(".")
	}
	if n := textOf(s, "warmconn.bytes_drained"); n != "" {
		fmt.Fprintf(&b, " %s bytes of its body were drained.", n)
	}
	if reason := textOf(s, lostReasonKey); reason != "" {
		fmt.Fprintf(&b, " Its connection can't be used again: %s.", words(reason))
	}
	return b.String()
}
