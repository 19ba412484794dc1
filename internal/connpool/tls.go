package connpool

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// tlsFacts are the facts of a handshake.
type tlsFacts struct {
	protocol string
	version  uint16
	resumed  bool

	timer  *time.Timer
	fired  bool
	shakes int  // handshakes that have ended
	failed bool // the last of them did
}

// dialTLS makes the connection to a first hop that speaks TLS, like net/http
// (persistConn.addTLS). The difference: net/http gets to see the *tls.Conn, and so does the
// caller's GotConn. Net/http shakes hands on it. T is the clone that dials; it has set itself
// up before the first dial.
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

// armLocked bounds the time of a handshake: when it is over, the socket is closed. Net/http
// does not bound it where it has the connection from a dialer.
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

// timedOut returns net/http's error for a handshake that took too long, if err comes from
// that; else err.
func (f *tlsFacts) timedOut(err error) error {
	if err != nil && f.fired {
		return handshakeTimeout{}
	}
	return err
}

// dialError turns the error of c's dial into the one that net/http returns where it makes the
// TLS connection to the first hop itself: if a proxy's handshake failed, it says so. The
// error of a TLS dialer of the program's own is returned as it is.
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
