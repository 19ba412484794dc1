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

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/ledger"
)

// ledgers are the Tracer's stacks' ledgers, whose connections are counted. They
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

// openKey is what tells the series of http.client.open_connections apart.
type openKey struct {
	closedKey
	idle bool
}

// closedKey is the same for connections that are closed.
type closedKey struct {
	host    ledger.Key
	version ledger.Version
	peer    string // empty unless asked for
}

func (l closedKey) attributes() []attribute.KeyValue {
	attrs := hostAttributes(l.host)
	switch l.version {
	case ledger.HTTP1:
		attrs = append(attrs, semconv.NetworkProtocolVersion("1.1"))
	case ledger.HTTP2:
		attrs = append(attrs, semconv.NetworkProtocolVersion("2"))
	case ledger.HTTP3:
		attrs = append(attrs, semconv.NetworkProtocolVersion("3"))
	}
	if l.peer != "" {
		attrs = append(attrs, semconv.NetworkPeerAddress(l.peer))
	}
	return attrs
}

func (s openKey) attributes() []attribute.KeyValue {
	v := httpconv.ConnectionStateActive
	if s.idle {
		v = httpconv.ConnectionStateIdle
	}
	return append(s.closedKey.attributes(), semconv.HTTPConnectionStateKey.String(string(v)))
}

// openCounts counts open connections.
type openCounts map[openKey]int64

func (c openCounts) add(l closedKey, n ledger.ConnCount) {
	if n.Open == 0 {
		return
	}
	c[openKey{l, false}] += int64(n.Active)
	c[openKey{l, true}] += int64(n.Open - n.Active)
}

// see shows that there are none any more.
func (c openCounts) see(l closedKey) {
	c[openKey{l, false}] += 0
	c[openKey{l, true}] += 0
}

// observe counts open connections, and requests under way, at each collection.
func (m *devMetrics) observe(meter metric.Meter) metric.Registration {
	open := must(httpconv.NewClientOpenConnectionsObservable(meter)).Inst()
	active := must(httpconv.NewClientActiveRequestsObservable(meter)).Inst()
	var series cache.Map[openKey, measured]
	reg, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		counts := make(openCounts)
		for _, l := range m.ledgers.live() {
			if !l.IsFirstOfEquals(m) || l.ReportedByInner(m) {
				continue
			}
			l.Counts(func(c ledger.Counts) {
				rest := c.Versions
				if m.peers {
					for peer, of := range c.Peers {
						for v, n := range of {
							counts.add(closedKey{c.Key, ledger.Version(v), peer}, n)
							rest[v].Open, rest[v].Active = rest[v].Open-n.Open, rest[v].Active-n.Active
						}
					}
				}
				for v, n := range rest {
					l := closedKey{c.Key, ledger.Version(v), ""}
					counts.add(l, n)
					if c.Spoken[v] && !m.peers {
						counts.see(l)
					}
				}
			})
		}
		for s, n := range counts {
			o.ObserveInt64(open, n, series.Of(s, func(s openKey) measured { return newOptions(s.attributes()) }).observe...)
		}
		m.actives.observe(o, active)
		return nil
	}, open, active)
	return must(reg, err)
}

// stop ends the collections of a Tracer that was dropped.
func (m *devMetrics) stop() {
	for _, l := range m.ledgers.live() {
		l.Unsubscribe(m)
	}
	if err := m.observing.Unregister(); err != nil {
		otel.Handle(err)
	}
}

// UseLedger implements stack.LedgerUser.
func (p layer) UseLedger(l *ledger.Ledger) {
	if p.t.metrics == nil {
		return
	}
	if m := p.t.metrics.devMetrics; m != nil {
		if m.peers {
			l.CountPeers()
		}
		m.ledgers.add(l)
		l.Subscribe(m)
	}
}

// Same implements ledger.Subscriber: of several Tracers with one MeterProvider, one
// counts the connections.
func (m *devMetrics) Same(s ledger.Subscriber) bool {
	o, ok := s.(*devMetrics)
	return ok && o.owner() == m.owner()
}

// ConnClosed implements ledger.Subscriber.
func (m *devMetrics) ConnClosed(c ledger.ClosedConn) {
	ctx := context.Background()
	if !m.lived.Enabled(ctx) {
		return
	}
	k := closedKey{host: c.Key, version: c.Version}
	if m.peers {
		k.peer = c.Peer
	}
	o := m.lives.Of(k, func(l closedKey) measured { return newOptions(l.attributes()) }).record
	m.lived.Record(ctx, c.Age.Seconds(), o...)
	if c.Uses > 0 {
		m.carried.Record(ctx, int64(c.Uses), o...)
	}
}
