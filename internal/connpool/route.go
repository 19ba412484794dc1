package connpool

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/warmconn/warmconn/internal/header"
	"github.com/warmconn/warmconn/internal/ledger"
)

// routeKey identifies one of the routes to a host.
type routeKey struct {
	via   *url.URL // the proxy; nil: none
	proxy string   // as a string
	http1 bool     // no HTTP/2
	addr  string   // host and port, if the request spells them otherwise than the Host
}

// routeFor asks the base's Proxy with the real request, and says by which route that goes.
// Plain http through a proxy that forwards it goes to a Host of the proxy's own, for the
// proxy's connections serve requests to all hosts.
func (p *Pool) routeFor(e *Entry, req *http.Request) (by routeKey, err error) {
	if p.proxy != nil {
		if by.via, err = e.target.askProxy(req); err != nil {
			return by, err
		}
	}
	secure := req.URL.Scheme == "https"
	host := e.target
	if by.via != nil {
		by.proxy = by.via.String()
		if !secure && (by.via.Scheme == "http" || by.via.Scheme == "https") {
			host = p.forwarder(e.target, by)
		}
	}
	if host == e.target && !host.spelledIn(req.URL) {
		by.addr = host.spelledBy(req.URL)
	}
	if host != e.host { // Proxy may answer otherwise for another try
		e.leave(time.Now())
		e.host = host
	}
	by.http1 = secure && p.mayHTTP2 && needsHTTP1(req)
	return by, nil
}

func (h *Host) askProxy(req *http.Request) (*url.URL, error) {
	h.proxying.Add(1)
	defer h.proxying.Add(-1) // though it panics
	return h.pool.proxy(req)
}

// spelling is another spelling of a host's name than its key's, and the address for it.
type spelling struct{ host, addr string }

// spelledIn reports whether u, a URL of the host's, spells its name as the host's key does.
func (h *Host) spelledIn(u *url.URL) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(u.Host, "["), h.key.Host)
	return ok && (rest == "" || rest[0] == ':' || rest[0] == ']')
}

// spelledBy is the host's address as u spells it; empty if it is the host's own. As in
// net/http, each spelling has connections of its own: the program's dialer may treat them
// differently.
func (h *Host) spelledBy(u *url.URL) string {
	if s := h.spelling.Load(); s != nil && s.host == u.Host {
		return s.addr
	}
	s := &spelling{host: u.Host, addr: ledger.AddrOf(u)}
	if s.addr == h.addr {
		s.addr = ""
	}
	h.spelling.Store(s)
	return s.addr
}

// needsHTTP1 reports whether the request must not get an HTTP/2 connection: by net/http's
// rule, a WebSocket handshake.
func needsHTTP1(req *http.Request) bool {
	up := req.Header["Upgrade"]
	return len(up) > 0 && strings.EqualFold(up[0], "websocket") && header.HasToken(req.Header["Connection"], "upgrade")
}

// forwarder is the Host of a proxy that forwards plain http. Its address is never dialed:
// net/http's NewClientConn wants one. Other credentials for the proxy make another Host, for
// the proxy may tell its clients apart by their connections. The Host's name and key, which
// others see, are without credentials.
func (p *Pool) forwarder(target *Host, by routeKey) *Host {
	secret := ledger.Key{Scheme: "http", Host: by.via.Host, Port: "proxy " + by.proxy}
	return p.hosts.table.Of(secret, secret.Host, func() *Host {
		shown := ledger.WithoutUser(by.via.Host)
		h := p.newHost(ledger.Key{Scheme: "http", Host: shown, Port: "proxy " + by.via.Scheme})
		h.name = "http://" + shown + " (proxy)"
		h.addr = target.addr
		h.direct.addr = h.addr
		h.direct.via, h.direct.proxy, h.direct.hop = by.via, by.proxy, ledger.AddrOf(by.via)
		return h
	})
}

// maxRoutes is how many routes a host may have before the empty ones are forgotten: Proxy
// may return another proxy for each request.
const maxRoutes = 8

// routeLocked finds or makes the route.
func (h *Host) routeLocked(by routeKey) *route {
	if h.direct.proxy == by.proxy && !by.http1 && by.addr == "" {
		return &h.direct
	}
	addr := cmp.Or(by.addr, h.addr)
	for _, rt := range h.routes {
		if rt.proxy == by.proxy && rt.http1 == by.http1 && rt.addr == addr {
			return rt
		}
	}
	if len(h.routes) >= maxRoutes {
		kept := h.routes[:0]
		for _, rt := range h.routes {
			if rt.open+len(rt.dials)+rt.waiters.all.Len() > 0 {
				kept = append(kept, rt)
			}
		}
		h.routes = kept
	}
	rt := &route{host: h, via: by.via, proxy: by.proxy, http1: by.http1, addr: addr, hop: addr}
	if by.via != nil {
		rt.hop = ledger.AddrOf(by.via)
	}
	rt.protocol = h.pool.assumed(rt)
	h.routes = append(h.routes, rt)
	return rt
}

// allRoutes are the host's routes, direct included.
func (h *Host) allRoutes() []*route {
	return append([]*route{&h.direct}, h.routes...)
}

// assumed is the protocol of a route before any of its connections has shown one. Where it is
// unknown, requests wait until one does: see gate.go.
func (p *Pool) assumed(rt *route) protocol {
	if rt.host.key.Scheme == "http" {
		if p.priorHTTP2 {
			return http2
		}
		return http1
	}
	if p.mayHTTP2 && !rt.http1 {
		return unknown
	}
	return http1
}
