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
	life
	idle bool
}

// life is the same for connections that are closed.
type life struct {
	host    ledger.Key
	version ledger.Version
	peer    string // empty unless asked for
}

func (l life) attributes() []attribute.KeyValue {
	attrs := hostAttributes(l.host)
	switch l.version {
	case ledger.HTTP1:
		attrs = append(attrs, semconv.NetworkProtocolVersion("1.1"))
	case ledger.HTTP2:
		attrs = append(attrs, semconv.NetworkProtocolVersion("2"))
	}
	if l.peer != "" {
		attrs = append(attrs, semconv.NetworkPeerAddress(l.peer))
	}
	return attrs
}

func (s state) attributes() []attribute.KeyValue {
	v := httpconv.ConnectionStateActive
	if s.idle {
		v = httpconv.ConnectionStateIdle
	}
	return append(s.life.attributes(), semconv.HTTPConnectionStateKey.String(string(v)))
}

// census counts open connections.
type census map[state]int64

func (c census) add(l life, n ledger.ConnCount) {
	if n.Open == 0 {
		return
	}
	c[state{l, false}] += int64(n.Active)
	c[state{l, true}] += int64(n.Open - n.Active)
}

// see shows that there are none any more.
func (c census) see(l life) {
	c[state{l, false}] += 0
	c[state{l, true}] += 0
}

// observe counts open connections, and requests under way, at each collection.
func (m *more) observe(meter metric.Meter) metric.Registration {
	open := made(httpconv.NewClientOpenConnectionsObservable(meter)).Inst()
	active := made(httpconv.NewClientActiveRequestsObservable(meter)).Inst()
	var series cache.Map[state, options]
	reg, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		counts := make(census)
		for _, l := range m.ledgers.live() {
			if !l.IsFirstOfEquals(m) || l.ReportedByInner(m) {
				continue
			}
			l.Counts(func(c ledger.Counts) {
				rest := c.Versions
				if m.peers {
					for peer, of := range c.Peers {
						for v, n := range of {
							counts.add(life{c.Key, ledger.Version(v), peer}, n)
							rest[v].Open, rest[v].Active = rest[v].Open-n.Open, rest[v].Active-n.Active
						}
					}
				}
				for v, n := range rest {
					l := life{c.Key, ledger.Version(v), ""}
					counts.add(l, n)
					if l.version != ledger.Unspoken && c.Spoken[v] && !m.peers {
						counts.see(l)
					}
				}
			})
		}
		for s, n := range counts {
			o.ObserveInt64(open, n, series.Of(s, func(s state) options { return newOptions(s.attributes()) }).observe...)
		}
		m.actives.observe(o, active)
		return nil
	}, open, active)
	return made(reg, err)
}

// stop ends the collections of a Tracer that was dropped.
func (m *more) stop() {
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
	if m := p.t.metrics.more; m != nil {
		if m.peers {
			l.CountPeers()
		}
		m.ledgers.add(l)
		l.Subscribe(m)
	}
}

// Same implements ledger.Subscriber: of several Tracers with one MeterProvider, one
// counts the connections.
func (m *more) Same(s ledger.Subscriber) bool {
	o, ok := s.(*more)
	return ok && o.owner() == m.owner()
}

// ConnClosed implements ledger.Subscriber.
func (m *more) ConnClosed(c ledger.ClosedConn) {
	ctx := context.Background()
	if !m.lived.Enabled(ctx) {
		return
	}
	k := life{host: c.Key, version: c.Version}
	if m.peers {
		k.peer = c.Peer
	}
	o := m.lives.Of(k, func(l life) options { return newOptions(l.attributes()) }).record
	m.lived.Record(ctx, c.Age.Seconds(), o...)
	if c.Uses > 0 {
		m.carried.Record(ctx, int64(c.Uses), o...)
	}
}
