package trace

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"

	"go.opentelemetry.io/contrib/instrumentation/net/http/httptrace/otelhttptrace"
	"go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Phases say whether the phases of a request are written, and in which form.
type Phases uint8

const (
	// PhasesOff writes none.
	PhasesOff Phases = iota
	// PhaseEvents writes them as events on the request's span.
	PhaseEvents
	// PhaseSpans writes them as spans of their own, below it.
	PhaseSpans
)

// phases are the phases of one exchange, by otelhttptrace. By itself that ends the span of
// the receiving only if the connection goes back to the pool, never over HTTP/2, and as an
// error if the pool is full; and a dial that failed leaves the span of the wait open. So it
// is given a TracerProvider that knows which spans it has begun.
type phases struct {
	trace.TracerProvider

	mu    sync.Mutex
	begun []trace.Span
	over  bool
}

// hooks returns the hooks that write the phases of the exchange whose span is in
// ctx.
func (p *phases) hooks(ctx context.Context, o *Options) *httptrace.ClientTrace {
	options := []otelhttptrace.ClientTraceOption{otelhttptrace.WithTracerProvider(p)}
	if o.Phases == PhaseEvents {
		options = append(options, otelhttptrace.WithoutSubSpans())
	}
	if !o.PhaseHeaders {
		options = append(options, otelhttptrace.WithoutHeaders())
	}
	h := otelhttptrace.NewClientTrace(ctx, options...)
	put := h.PutIdleConn
	h.PutIdleConn = func(error) { put(nil) } // the request's span has the reason
	wrote, informed, field := h.WroteRequest, h.Got1xxResponse, h.WroteHeaderField
	// It would set the status of the request's span, with the error's text; and
	// net/http may try again.
	h.WroteRequest = func(httptrace.WroteRequestInfo) { wrote(httptrace.WroteRequestInfo{}) }
	// Where a hook looks at the 1xx responses, net/http leaves it to that hook to
	// stop a server that sends them for ever. Only net/http can do that by its
	// own limit; so there is a hook only where the caller has one.
	h.Got1xxResponse = nil
	if above := httptrace.ContextClientTrace(ctx); above != nil && above.Got1xxResponse != nil {
		// Otelhttptrace would write all headers, cookies too, asked for or not.
		h.Got1xxResponse = func(code int, _ textproto.MIMEHeader) error { return informed(code, nil) }
	}
	byClass(h)
	withoutUser(h)
	withAddresses(h)
	h.WroteHeaderField = func(name string, values []string) {
		switch {
		case strings.HasPrefix(name, ":"):
			return // HTTP/2's own: url.full has the path, without its secrets
		case strings.EqualFold(name, "Referer"):
			values = []string{"****"} // http.Client puts the last URL there
		}
		field(name, values)
	}
	return h
}

// byClass has the hooks of a dial write classes in the place of errors: texts quote names
// from the server's certificate, and the errors of the program's own checks, dialers and
// resolvers.
func byClass(h *httptrace.ClientTrace) {
	looked, connected, shaken := h.DNSDone, h.ConnectDone, h.TLSHandshakeDone
	h.DNSDone = func(info httptrace.DNSDoneInfo) {
		info.Err = classed(info.Err)
		looked(info)
	}
	h.ConnectDone = func(network, addr string, err error) { connected(network, addr, classed(err)) }
	h.TLSHandshakeDone = func(_ tls.ConnectionState, err error) { shaken(tls.ConnectionState{}, classed(err)) }
}

// withoutUser has the hooks of a dial show no user information that a host made by
// hand may hold.
func withoutUser(h *httptrace.ClientTrace) {
	asked, looking, connecting, connected := h.GetConn, h.DNSStart, h.ConnectStart, h.ConnectDone
	h.GetConn = func(addr string) { asked(ledger.WithoutUser(addr)) }
	h.DNSStart = func(info httptrace.DNSStartInfo) {
		info.Host = ledger.WithoutUser(info.Host)
		looking(info)
	}
	h.ConnectStart = func(network, addr string) { connecting(network, ledger.WithoutUser(addr)) }
	h.ConnectDone = func(network, addr string, err error) { connected(network, ledger.WithoutUser(addr), err) }
}

// classed is an error that says no more than the class of err; nil for nil.
func classed(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(errclass.Of(err))
}

// Tracer implements trace.TracerProvider.
func (p *phases) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return phaseTracer{p.TracerProvider.Tracer(name, options...), p}
}

type phaseTracer struct {
	trace.Tracer
	phases *phases
}

// Start implements trace.Tracer. After the end of the exchange it starts nothing:
// the hooks of a dial may come later.
func (t phaseTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	p := t.phases
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return ctx, trace.SpanFromContext(context.Background())
	}
	ctx, span := t.Tracer.Start(ctx, name, options...)
	p.begun = append(p.begun, span)
	return ctx, span
}

// end ends the spans that have not ended by themselves.
func (p *phases) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	for _, span := range p.begun {
		if span.IsRecording() {
			span.End()
		}
	}
	p.begun = nil
}
