package http

import "sync"

// LayersOver returns the layers for t's requests; nil for none. It is called once for each
// transport, at its first request: until then the test may set its fields. The layers may
// send requests through base and clone it; base stands for t.
var LayersOver func(base *Transport) RoundTripper

// layers is a field of Transport. It holds the stack, which so lives as long as
// the transport does.
type layers struct {
	mu    sync.Mutex
	asked bool
	stack RoundTripper // nil: none
	base  *Transport   // the twin that stack stands on
	inner bool         // below a stack: true for a twin and its clones
	below *Transport   // of a twin: the transport that it stands for
}

// RoundTrip sends req through the layers over t.
func (t *Transport) RoundTrip(req *Request) (*Response, error) {
	if t == nil || t.layers.inner {
		return t.native().nativeRoundTrip(req)
	}
	if rt := t.stack(); rt != nil {
		return rt.RoundTrip(req)
	}
	return t.nativeRoundTrip(req)
}

// CloseIdleConnections also closes the idle connections of the layers over t.
func (t *Transport) CloseIdleConnections() {
	t.layers.mu.Lock()
	stack := t.layers.stack
	t.layers.mu.Unlock()
	if c, ok := stack.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	t.native().nativeCloseIdleConnections()
}

// Clone marks the clones that are made below a stack.
func (t *Transport) Clone() *Transport {
	c := t.native().nativeClone()
	c.layers.inner = t.layers.inner
	return c
}

func (t *Transport) stack() RoundTripper {
	l := &t.layers
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked && LayersOver != nil {
		l.base = t.twin()
		l.stack = LayersOver(l.base)
	}
	l.asked = true
	if b := l.base; b != nil {
		// Some tests set these between requests. Layers that look again see the change.
		if b.TLSClientConfig != t.TLSClientConfig {
			b.TLSClientConfig = t.TLSClientConfig
		}
		if b.DisableKeepAlives != t.DisableKeepAlives {
			b.DisableKeepAlives = t.DisableKeepAlives
		}
	}
	return l.stack
}

// twin returns a transport that has t's settings and passes everything on to t,
// past the layers. They can't be put over t itself: its RoundTrip would lead
// back to them.
func (t *Transport) twin() *Transport {
	w := t.nativeClone()
	// What Clone copies or leaves out:
	w.TLSClientConfig = t.TLSClientConfig
	w.TLSNextProto = t.TLSNextProto
	w.tlsNextProtoWasNil = t.tlsNextProtoWasNil
	w.nextProtoOnce.Do(func() {})
	if registered := t.altProto.Load(); registered != nil {
		w.altProto.Store(registered)
	}
	w.layers.inner, w.layers.below = true, t
	return w
}

// native returns the transport whose own methods are meant: t, or the one that it stands for.
func (t *Transport) native() *Transport {
	if t != nil && t.layers.below != nil {
		return t.layers.below
	}
	return t
}
