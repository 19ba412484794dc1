package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// metrics are the instruments of one Tracer, and their attributes.
type metrics struct {
	duration metric.Float64Histogram
	// owner stands for the MeterProvider, as Tracer.owner does for the TracerProvider:
	// Meters of one differ by scope, and after the global one was set.
	owner func() any

	// The others; nil if they are switched off.
	*devMetrics
}

// devMetrics are the metrics that are in development, and the kit's own.
type devMetrics struct {
	actives   *actives
	queued    metric.Float64Histogram
	opened    metric.Int64Counter
	setup     metric.Float64Histogram
	drained   metric.Int64Counter
	draining  metric.Float64Counter
	leaks     metric.Int64Counter
	lived     metric.Float64Histogram
	carried   metric.Int64Histogram
	hosts     cache.Map[ledger.Key, measured]
	byWord    cache.Map[reasonKey, measured]
	lives     cache.Map[closedKey, measured]
	peers     bool
	ledgers   ledgers
	owner     func() any
	observing metric.Registration
}

// reasonKey identifies a series with a reason, an outcome or a phase.
type reasonKey struct {
	host ledger.Key
	key  attribute.Key
	word string
}

// The conventions' buckets, in seconds.
var (
	requestBuckets    = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	connectionBuckets = []float64{.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 120, 300}
)

// must returns an instrument. One that could not be made records nothing.
func must[T any](inst T, err error) T {
	if err != nil {
		otel.Handle(err)
	}
	return inst
}

// newMetrics returns nil for a meter that is known to record nothing.
func newMetrics(m metric.Meter, o *Options) *metrics {
	if _, idle := m.(noop.Meter); idle {
		return nil
	}
	d := must(httpconv.NewClientRequestDuration(m, metric.WithExplicitBucketBoundaries(requestBuckets...)))
	all := &metrics{duration: d.Inst()}
	if p := o.MeterProvider; p != nil {
		own := identity(p, all)
		all.owner = func() any { return own }
	} else {
		all.owner = func() any { return identity(otel.GetMeterProvider(), all) }
	}
	if o.StableOnly {
		return all
	}
	seconds := func(name, text string) metric.Float64Histogram {
		return must(m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(text), metric.WithExplicitBucketBoundaries(requestBuckets...)))
	}
	all.devMetrics = &devMetrics{
		owner:   all.owner,
		peers:   o.PeerAddress,
		actives: newActives(),
		lived:   must(httpconv.NewClientConnectionDuration(m, metric.WithExplicitBucketBoundaries(connectionBuckets...))).Inst(),
		queued:  seconds("warmconn.request.time_in_queue", "Time that requests waited for a slot of the pool and for a connection, of those that did."),
		setup:   seconds("warmconn.connection.setup.duration", "Time that the parts of making a connection took."),
		opened: must(m.Int64Counter("warmconn.connection.new", metric.WithUnit("{connection}"),
			metric.WithDescription("Connections that were new for a request, by why no other was used."))),
		carried: must(m.Int64Histogram("warmconn.connection.requests", metric.WithUnit("{request}"),
			metric.WithDescription("Requests that a connection carried until it was closed."),
			metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000))),
		drained: must(m.Int64Counter("warmconn.drain.size", metric.WithUnit("By"),
			metric.WithDescription("Bytes read from bodies that were closed before their end."))),
		draining: must(m.Float64Counter("warmconn.drain.duration", metric.WithUnit("s"),
			metric.WithDescription("Time that took."))),
		leaks: must(m.Int64Counter("warmconn.leaks", metric.WithUnit("{body}"),
			metric.WithDescription("Response bodies that were dropped and never closed."))),
	}
	all.observing = all.observe(m)
	return all
}

func (w reasonKey) attributes() []attribute.KeyValue {
	return append(hostAttributes(w.host), w.key.String(w.word))
}

// record writes the metrics of an exchange that has ended.
func (m *metrics) record(ctx context.Context, x *exchange, f *stack.Facts, a *outcomeAttrs) {
	if !x.request && !x.conn && !x.opened {
		return
	}
	took := f.Duration
	if f.Leaked {
		took = lastActivity(f)
	}
	m.took(ctx, x, took, a)
	if x.opened && f.New != nil && f.New.Reason != ledger.None && m.opened.Enabled(ctx) {
		if relieved, _, _ := x.r.EmittedBelow(stack.NewConnSignal, m.devMetrics.owner); !relieved {
			m.devMetrics.newConn(ctx, x.host.key, f.New)
		}
	}
	if !x.conn {
		return
	}
	relieved, ended, leaked := x.r.EmittedBelow(stack.ConnSignal, m.devMetrics.owner)
	if !relieved {
		m.devMetrics.record(ctx, x.host.key, f)
	}
	if f.Leaked && (!relieved || ended && !leaked) && m.leaks.Enabled(ctx) { // else it is found below, too
		m.leaks.Add(ctx, 1, m.of(x.host.key).add...)
	}
}

// took writes how long the request took, once.
func (m *metrics) took(ctx context.Context, x *exchange, d time.Duration, a *outcomeAttrs) {
	if x.request && !x.timed && m.duration.Enabled(ctx) {
		m.duration.Record(ctx, d.Seconds(), a.record...)
	}
	x.timed = true
}

func (m *devMetrics) record(ctx context.Context, host ledger.Key, f *stack.Facts) {
	queued := f.PoolWait
	if waited(f) {
		queued += f.ConnWait
	}
	if queued > 0 && m.queued.Enabled(ctx) {
		m.queued.Record(ctx, queued.Seconds(), m.of(host).record...)
	}
	if d := f.Drain; d != nil && (d.Bytes > 0 || d.Time > 0) && m.drained.Enabled(ctx) {
		o := m.word(host, outcomeKey, f.Outcome.String()).add
		m.drained.Add(ctx, d.Bytes, o...)
		m.draining.Add(ctx, d.Time.Seconds(), o...)
	}
}

// newConn writes that a connection was new, and the time that it took.
func (m *devMetrics) newConn(ctx context.Context, host ledger.Key, n *stack.NewConn) {
	m.opened.Add(ctx, 1, m.word(host, newReasonKey, n.Reason.String()).add...)
	for _, part := range [...]struct {
		name string
		took time.Duration
	}{{"dns", n.Setup.DNS}, {"connect", n.Setup.Connect}, {"tls", n.Setup.TLS}} {
		if part.took > 0 {
			m.setup.Record(ctx, part.took.Seconds(), m.word(host, phaseKey, part.name).record...)
		}
	}
}

func (m *devMetrics) of(host ledger.Key) measured {
	return m.hosts.Of(host, func(k ledger.Key) measured { return newOptions(hostAttributes(k)) })
}

func (m *devMetrics) word(host ledger.Key, k attribute.Key, w string) measured {
	return m.byWord.Of(reasonKey{host, k, w}, func(w reasonKey) measured { return newOptions(w.attributes()) })
}
