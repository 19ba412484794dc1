package connpool

import (
	"crypto/tls"
	"fmt"
	"net/http"
)

// sessionsOff says why the Pool gives no cache of sessions to a clone with that
// configuration; empty if it gives one.
//
// A handshake that resumes a session skips the certificates of both sides. It must not skip
// a check of the program's own, nor go on with a client certificate that the program would
// have replaced by now. VerifyConnection is called in any case.
func (p *Pool) sessionsOff(cfg *tls.Config) string {
	switch {
	case p.foreignTLS != nil:
		return "the transport dials TLS by itself"
	case cfg == nil:
		return ""
	case cfg.ClientSessionCache != nil:
		return "the transport has a ClientSessionCache of its own"
	case cfg.SessionTicketsDisabled:
		return "the transport has SessionTicketsDisabled"
	case cfg.VerifyPeerCertificate != nil:
		return "the transport has a VerifyPeerCertificate, which would not be called"
	case cfg.GetClientCertificate != nil:
		return "the transport has a GetClientCertificate, which would not be called"
	}
	return ""
}

// Sessions says whether TLS sessions are resumed, and if not, why; empty if Options asks for
// none.
func (p *Pool) Sessions() string {
	switch why := p.clones.Load().sessionsOff; {
	case p.opts.TLSSessions <= 0:
		return ""
	case why != "":
		return "resumes no TLS sessions: " + why
	}
	return fmt.Sprintf("resumes TLS sessions, %d at most are kept", p.opts.TLSSessions)
}

// keepSessions gives t, a clone that is not in use yet, a cache of its own: clones share
// neither configurations nor sessions.
func (p *Pool) keepSessions(t *http.Transport) {
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	t.TLSClientConfig.ClientSessionCache = sessions{lru: tls.NewLRUClientSessionCache(p.opts.TLSSessions)}
}

// sessions are a clone's TLS sessions. Package tls keeps them by the server's name alone.
// Then the sessions of all ports of a host, and with a ServerName in the configuration those
// of all hosts, would replace one another, and be shown to the wrong server. So here they
// are kept by the dialed address as well. Through a proxy's CONNECT, where net/http makes
// the configuration, that address is not known.
type sessions struct {
	lru  tls.ClientSessionCache
	addr string
}

// sessionsAt has cfg, which is for one handshake, keep its sessions by addr as well.
func sessionsAt(cfg *tls.Config, addr string) {
	if s, ok := cfg.ClientSessionCache.(sessions); ok {
		cfg.ClientSessionCache = sessions{s.lru, addr}
	}
}

// Get implements tls.ClientSessionCache.
func (s sessions) Get(name string) (*tls.ClientSessionState, bool) {
	return s.lru.Get(s.addr + " " + name)
}

// Put implements tls.ClientSessionCache.
func (s sessions) Put(name string, state *tls.ClientSessionState) {
	s.lru.Put(s.addr+" "+name, state)
}
