package connpool

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// tlsFacts are what a handshake has shown.
type tlsFacts struct {
	protocol string
	version  uint16
	resumed  bool

	timer  *time.Timer
	fired  bool
	shakes int  // handshakes that have ended
	failed bool // the last of them did
}

// dialTLS makes the connection to a first hop that speaks TLS, as net/http does
// (persistConn.addTLS) but that net/http gets the *tls.Conn to see, so that the
// caller's GotConn does, too. net/http shakes hands on it. T is the clone that dials,
// which has set itself up by then.
func (p *Pool) dialTLS(t *http.Transport) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := p.dialPlain(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		cfg := t.TLSClientConfig.Clone()
		if cfg == nil {
			cfg = &tls.Config{}
		}
		if cfg.ServerName == "" {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				nc.Close()
				return nil, err
			}
			cfg.ServerName = host
		}
		sessionsAt(cfg, addr)
		tc := tls.Client(nc, cfg)
		if d := dialOf(ctx); d != nil {
			d.conn.secure = tc
		}
		return tc, nil
	}
}

// armLocked bounds a handshake in time, which net/http does not where it has the
// connection from a dialer: the socket is closed under it.
func (f *tlsFacts) armLocked(raw *netConn, most time.Duration) {
	if raw == nil || most <= 0 {
		return
	}
	f.timer = time.AfterFunc(most, func() { raw.Close() })
}

// doneLocked notes the end of a handshake.
func (f *tlsFacts) doneLocked(s tls.ConnectionState, err error) {
	if f.timer != nil {
		f.fired = !f.timer.Stop() && err != nil
	}
	f.protocol, f.version, f.resumed = s.NegotiatedProtocol, s.Version, s.DidResume
	f.shakes, f.failed = f.shakes+1, err != nil
}

// timedOut returns net/http's error for a handshake that took too long, if that is
// what err comes from.
func (f *tlsFacts) timedOut(err error) error {
	if err != nil && f.fired {
		return handshakeTimeout{}
	}
	return err
}

// dialError returns the error of the dial of c as net/http has it where it shakes hands
// with the first hop itself: that of a proxy's handshake says so. A TLS dialer of the
// program's own gets what we get.
func (c *Conn) dialError(err error) error {
	err = c.tls.timedOut(err)
	via := c.route.via
	if err == nil || !c.tls.failed || c.tls.shakes > 1 || via == nil || via.Scheme != "https" || c.host.pool.foreignTLS != nil {
		return err
	}
	return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
}

// handshakeTimeout is net/http's tlsHandshakeTimeoutError.
type handshakeTimeout struct{}

func (handshakeTimeout) Timeout() bool   { return true }
func (handshakeTimeout) Temporary() bool { return true }
func (handshakeTimeout) Error() string   { return "net/http: TLS handshake timeout" }
