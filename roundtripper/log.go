package roundtripper

import (
	"cmp"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
	"github.com/warmconn/warmconn/internal/word"
)

// Log returns a layer that logs what goes wrong with connections, for a program without
// OpenTelemetry. The lines, with their levels:
//
//   - "response body never closed", Warn: the collector has found a body that was dropped.
//   - "request refused", Warn: a limit of the pool's has refused it, or its deadline came while it
//     waited for a slot. That a caller has cancelled it there is not logged.
//   - "connection lost", Info: a request had to be given a new connection because an earlier one was
//     lost. Debug where the program's own settings and calls wanted that, and the
//     server's announced limits: max_age, max_requests, idle_limit, idle_timeout, closed_idle,
//     client_close, keepalives_disabled, upgraded. A connection that no request
//     has missed is not told, nor the first to a host, nor one that was new because all were
//     busy.
//
// Attributes have the names that spans have: http.request.method, server.address,
// server.port, error.type; and warmconn.outcome, new_reason, lost_reason, conn_id, conn_wait
// and pool_wait (seconds), as in package trace. The others are warmconn.caller,
// where the request was made, and warmconn.culprit.caller, trace_id and span_id: the earlier request that has
// cost the connection. Call sites are as in pool.Leak.Caller, known of a
// sample of requests, and only if a pool is in the same stack; those of refusals always are.
// Nothing else of the request is logged: no path, no query, no header, of a method what is
// printable in its first 64 bytes, and of an error its class. The context is the request's, so that a handler may add what a caller put there.
//
// A storm does not flood the log: of lines that are alike, of one host and reason, there is one
// in 10 s, which says in the attribute suppressed how many there were since the line
// before it. That holds for 64 hosts and reasons at a time, and for all others of one reason
// together.
//
// A nil l is slog.Default, as it is at that moment. The layer stands above the pool: below it, it
// would hear of no refusal. If nothing is logged it costs nothing but, where it stands
// alone, a stack's two allocations. The handler must be safe for concurrent use; it runs in the call that ended
// the request, as an Observer's End. It may log by means of requests of its own, but must
// not hold the client whose leaks it is to tell. Suspected leaks and transports made in vain are told to
// pool.Options.OnLeak alone, for no exchange has ended.
func Log(l *slog.Logger) Middleware {
	p := &logger{log: l}
	return func(next http.RoundTripper) http.RoundTripper { return stack.New(next, p) }
}

// logger is compared by its pointer: two Log layers are two.
type logger struct {
	log   *slog.Logger // nil: slog.Default
	turns turns
}

func (p *logger) End(x *stack.Exchange, _ any, f *stack.Facts) {
	switch f.Outcome {
	case stack.OutcomeLeaked:
		p.tell(x, f, leaked)
	case stack.OutcomeRefused:
		if class := errclass.Of(f.Err); class != "canceled" {
			p.tell(x, f, refusal(class))
		}
	}
	if f.New != nil && isLoss(f.New.Reason) {
		p.tell(x, f, lost+event(f.New.Reason))
	}
}

// tell logs the event, if it is its turn.
func (p *logger) tell(x *stack.Exchange, f *stack.Facts, e event) {
	l := p.log
	if l == nil {
		l = slog.Default()
	}
	ctx, level, host := x.Context(), e.level(), x.Target().Key
	if !l.Enabled(ctx, level) {
		return
	}
	suppressed, ok := p.turns.take(e, host, f.Start.Add(f.Duration))
	if !ok {
		return
	}
	attrs := []slog.Attr{
		slog.String("http.request.method", word.Of(cmp.Or(x.Method(), http.MethodGet))),
		slog.String("server.address", host.Host),
	}
	if port, err := strconv.Atoi(host.Port); err == nil {
		attrs = append(attrs, slog.Int("server.port", port))
	}
	attrs = e.attrs(attrs, x, f)
	if suppressed > 0 {
		attrs = append(attrs, slog.Uint64("suppressed", suppressed))
	}
	l.LogAttrs(ctx, level, e.message(), attrs...)
}

// attrs appends what there is to tell of the event.
func (e event) attrs(attrs []slog.Attr, x *stack.Exchange, f *stack.Facts) []slog.Attr {
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String("warmconn."+key, value))
		}
	}
	switch {
	case e == leaked:
		add("outcome", f.Outcome.String())
		add("lost_reason", f.LostReason.String())
		add("caller", callsite.Of(x.Culprit().Stack).Caller)
	case e < lost:
		attrs = append(attrs, slog.String("error.type", errclass.Of(f.Err)))
		if f.PoolWait > 0 {
			attrs = append(attrs, slog.Float64("warmconn.pool_wait", f.PoolWait.Seconds()))
		}
		// It is refused in RoundTrip: its caller's goroutine is this one.
		add("caller", callsite.Of(callsite.Take(new([callsite.Depth]uintptr))).Caller)
	default:
		add("new_reason", f.New.Reason.String())
		attrs = append(attrs, slog.Uint64("warmconn.conn_id", f.ConnID), slog.Float64("warmconn.conn_wait", f.ConnWait.Seconds()))
		c := f.New.Culprit
		add("culprit.caller", callsite.Of(c.Stack).Caller)
		if c.SpanID != [8]byte{} {
			add("culprit.trace_id", hex.EncodeToString(c.TraceID[:]))
			add("culprit.span_id", hex.EncodeToString(c.SpanID[:]))
		}
	}
	return attrs
}

func (*logger) Phase() stack.Phase { return stack.Observe }

func (*logger) Describe(ledger.Watch) string {
	return "log: tells of leaks, refusals and lost connections"
}
