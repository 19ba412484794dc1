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

// routeKey tells the routes to one host apart.
type routeKey struct {
	via   *url.URL // the proxy; nil: none
	proxy string   // as a string
	http1 bool     // no HTTP/2
	addr  string   // host and port, where the request spells them otherwise than the Host
}

// routeFor asks the base's Proxy with the real request, and says by which route it
// goes. Plain http through a proxy that forwards it has a Host of the proxy's own,
// for its connections serve requests to any host.
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
	if host == e.target && !host.key.Spells(req.URL) {
		by.addr = host.spelledBy(req.URL)
	}
	if host != e.host { // Proxy may have another answer for another try
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

// spelling is how URLs spell a host's name otherwise than its key.
type spelling struct{ host, addr string }

// spelledBy is the host's address as u spells it; empty if that is no other one. As in
// net/http, each spelling has connections of its own: the program's dialer may tell them
// apart.
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

// needsHTTP1 reports whether the request must not get an HTTP/2 connection, as
// net/http has it: a WebSocket handshake.
func needsHTTP1(req *http.Request) bool {
	up := req.Header["Upgrade"]
	return len(up) > 0 && strings.EqualFold(up[0], "websocket") && header.HasToken(req.Header["Connection"], "upgrade")
}

// forwarder is the Host of a proxy that forwards plain http. Its address is of no
// use but to have one: net/http asks for it by NewClientConn. With other credentials
// it is another one, for the proxy may tell its clients apart by the connection; what
// is shown and handed out has none of them.
func (p *Pool) forwarder(target *Host, by routeKey) *Host {
	secret := ledger.Key{Scheme: "http", Host: by.via.Host, Port: "proxy " + by.proxy}
	return p.hosts.table.Of(secret, secret.Host, func() *Host {
		shown := ledger.WithoutUser(by.via.Host)
		h := p.newHost(ledger.Key{Scheme: "http", Host: shown, Port: "proxy " + by.via.Scheme})
		h.name = "http://" + shown + " (proxy)"
		h.addr = target.addr
		h.direct.via, h.direct.proxy, h.direct.hop = by.via, by.proxy, ledger.AddrOf(by.via)
		return h
	})
}

// maxRoutes is how many routes a host may have before those that hold nothing are
// forgotten: a proxy may be another one for each request.
const maxRoutes = 8

// routeLocked finds or makes the route.
func (h *Host) routeLocked(by routeKey) *route {
	if h.direct.proxy == by.proxy && !by.http1 && by.addr == "" {
		return &h.direct
	}
	for _, rt := range h.routes {
		if rt.proxy == by.proxy && rt.http1 == by.http1 && rt.spelled == by.addr {
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
	rt := &route{host: h, via: by.via, proxy: by.proxy, http1: by.http1, spelled: by.addr}
	rt.hop = rt.addr()
	if by.via != nil {
		rt.hop = ledger.AddrOf(by.via)
	}
	rt.protocol = h.pool.assumed(rt)
	h.routes = append(h.routes, rt)
	return rt
}

// addr is the host and port that the route's dials are for.
func (rt *route) addr() string { return cmp.Or(rt.spelled, rt.host.addr) }

// allRoutes are the host's, direct included.
func (h *Host) allRoutes() []*route {
	return append([]*route{&h.direct}, h.routes...)
}

// assumed is the protocol of a route of which nothing was seen yet.
func (p *Pool) assumed(rt *route) protocol {
	if rt.host.key.Scheme == "http" {
		if p.priorHTTP2 {
			return http2
		}
		return http1
	}
	if rt.gated() {
		return unknown
	}
	return http1
}
