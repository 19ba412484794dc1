package connpool

import (
	"crypto/tls"
	"net/http"
	"sync"
)

// renewed is what the base's TLSClientConfig was when it was last looked at.
type renewed struct {
	mu     sync.Mutex
	config *tls.Config
}

// Renew looks whether base, which the Pool was made over, has another TLSClientConfig
// than before. If so, new connections are dialed by it, as over base itself. It must
// not be called while that field may be written: net/http's dials read it, too.
//
// Connections that are there, and dials that have begun, keep what they have. The
// config gets the protocols that net/http adds when a transport sets itself up, so
// that HTTP/2 stays on; base itself would not speak it any more if they are not in it.
func (p *Pool) Renew(base *http.Transport) {
	p.renewed.mu.Lock()
	defer p.renewed.mu.Unlock()
	config := base.TLSClientConfig
	if config == p.renewed.config {
		return
	}
	p.renewed.config = config
	// Not in place: dials that go on read the clone's fields.
	t := p.transport.Clone()
	t.TLSClientConfig = config.Clone()
	p.clones.Store(p.newClones(t))
}
