package trace

import (
	"context"
	"sync"
	"weak"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"

	"github.com/warmconn/warmconn/internal/ledger"
)

// ledgers are those of the Tracer's stacks, whose connections are counted. They
// are held weakly: a Tracer must not keep a dropped client's connections.
type ledgers struct {
	mu  sync.Mutex
	all map[weak.Pointer[ledger.Ledger]]struct{}
}

func (ls *ledgers) add(l *ledger.Ledger) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.all == nil {
		ls.all = make(map[weak.Pointer[ledger.Ledger]]struct{})
	}
	for p := range ls.all {
		if p.Value() == nil {
			delete(ls.all, p)
		}
	}
	ls.all[weak.Make(l)] = struct{}{}
}

func (ls *ledgers) live() []*ledger.Ledger {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	all := make([]*ledger.Ledger, 0, len(ls.all))
	for p := range ls.all {
		if l := p.Value(); l != nil {
			all = append(all, l)
		}
	}
	return all
}

// state is what tells the series of http.client.open_connections apart.
type state struct {
	host ledger.Key
	idle bool
}

func (s state) attributes() []attribute.KeyValue {
	v := httpconv.ConnectionStateActive
	if s.idle {
		v = httpconv.ConnectionStateIdle
	}
	return append(hostAttributes(s.host), semconv.HTTPConnectionStateKey.String(string(v)))
}

// observe counts open connections at each collection.
func (m *more) observe(meter metric.Meter) metric.Registration {
	open := made(httpconv.NewClientOpenConnectionsObservable(meter)).Inst()
	var cache sets[state]
	reg, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		counts := make(map[state]int64)
		for _, l := range m.ledgers.live() {
			l.Counts(func(c ledger.Counts) {
				counts[state{c.Key, false}] += int64(c.Active)
				counts[state{c.Key, true}] += int64(c.Open - c.Active)
			})
		}
		for s, n := range counts {
			o.ObserveInt64(open, n, cache.of(s, state.attributes).observe...)
		}
		return nil
	}, open)
	return made(reg, err)
}

// stop ends the collections of a Tracer that was dropped.
func stop(reg metric.Registration) {
	if err := reg.Unregister(); err != nil {
		otel.Handle(err)
	}
}

// Built implements record.Builder.
func (p part) Built(l *ledger.Ledger) {
	if m := p.t.metrics.more; m != nil {
		m.ledgers.add(l)
		l.Subscribe(m)
	}
}

// ConnClosed implements ledger.Subscriber.
func (m *more) ConnClosed(c ledger.Life) {
	ctx := context.Background()
	if !m.lived.Enabled(ctx) {
		return
	}
	o := m.hosts.of(c.Key, hostAttributes).record
	m.lived.Record(ctx, c.Age.Seconds(), o...)
	if c.Uses > 0 {
		m.carried.Record(ctx, int64(c.Uses), o...)
	}
}
