package connpool

import (
	"crypto/tls"
	"net/http"
	"sync"
)

// renewed is the base's TLSClientConfig, as Renew has last found it.
type renewed struct {
	mu     sync.Mutex
	config *tls.Config
}

// Renew looks whether base, over which the Pool was made, has another TLSClientConfig than
// before. If so, new connections are dialed by that, as base itself would dial them. It must
// not be called while that field may be written, as net/http must not dial then: both read
// it.
//
// Open connections, and dials that have begun, keep their configuration. The clone of the
// new one gets the protocols that net/http adds when a transport sets itself up: so HTTP/2
// stays on, where base itself would no longer speak it if they are not in the configuration.
func (p *Pool) Renew(base *http.Transport) {
	p.renewed.mu.Lock()
	defer p.renewed.mu.Unlock()
	config := base.TLSClientConfig
	if config == p.renewed.config {
		return
	}
	p.renewed.config = config
	// A new clone, for dials that are under way read the fields of the old one.
	t := p.transport.Clone()
	t.TLSClientConfig = config.Clone()
	p.clones.Store(p.newClones(t))
}
