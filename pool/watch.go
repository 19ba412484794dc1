package pool

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/record"
)

// Transport returns a clone of base that is tuned as Options say and whose
// connections are watched, for SDKs that want an *http.Transport. The limits on
// requests need the Middleware, over this transport or in any stack above it.
// A nil base is go-cleanhttp's pooled transport. Each call returns a new clone.
//
// Configure base before. Of the clone, TLSClientConfig and Proxy may still be
// changed before its first request; a dialer that is set on it ends the watch.
//
// If a clone of base would lose something (see the package doc), base itself is
// returned, neither tuned nor watched.
func (p *Pool) Transport(base *http.Transport) *http.Transport {
	if base == nil {
		base = cleanhttp.DefaultPooledTransport()
	}
	t, l := p.clone(base)
	if t == nil {
		return base
	}
	// Anybody may send requests over it that the ledger does not know, so it
	// retires none of its connections.
	p.bases.mu.Lock()
	defer p.bases.mu.Unlock()
	p.bases.add(t, l, nil)
	return t
}

// clone returns a tuned and watched clone of base and its ledger; nil if base
// must not be cloned.
func (p *Pool) clone(base *http.Transport) (*http.Transport, *ledger.Ledger) {
	t, _ := connpool.Clone(base)
	if t == nil {
		return nil, nil
	}
	switch n := p.opts.MaxIdlePerHost; {
	case n != 0:
		t.MaxIdleConnsPerHost = n
	case t.MaxIdleConnsPerHost < 0:
		// Keep-alive was switched off this way on purpose.
	case t.MaxIdleConns > 0:
		t.MaxIdleConnsPerHost = t.MaxIdleConns
	default:
		t.MaxIdleConnsPerHost = 1 << 20
	}
	switch d := p.opts.IdleTimeout; {
	case d > 0:
		t.IdleConnTimeout = d
	case d < 0:
		t.IdleConnTimeout = 0
	case t.IdleConnTimeout == 0:
		t.IdleConnTimeout = defaultIdleTimeout
	}
	w := &watch{dial: dialer(base), dialTLS: tlsDialer(base)}
	t.DialContext = w.dialContext
	what := ledger.Watched
	if w.dialTLS != nil {
		what = ledger.WatchedHTTP
		t.DialTLSContext = w.dialTLSContext
	}
	w.ledger = ledger.New(t, what)
	w.ledger.Count(p.totals)
	return t, w.ledger
}

// dialer is how base dials, by the rules of Transport.dial.
func dialer(base *http.Transport) dialFunc {
	if base.DialContext != nil {
		return base.DialContext
	}
	//lint:ignore SA1019 whoever still sets it must be dialed for by it
	if dial := base.Dial; dial != nil {
		return withoutContext(dial)
	}
	return new(net.Dialer).DialContext
}

// tlsDialer is how base dials for https if it does so itself, by the rules of
// Transport.customDialTLS; nil if it does not.
func tlsDialer(base *http.Transport) dialFunc {
	if base.DialTLSContext != nil {
		return base.DialTLSContext
	}
	//lint:ignore SA1019 whoever still sets it must be dialed for by it
	if dial := base.DialTLS; dial != nil {
		return withoutContext(dial)
	}
	return nil
}

func withoutContext(dial func(network, addr string) (net.Conn, error)) dialFunc {
	return func(_ context.Context, network, addr string) (net.Conn, error) { return dial(network, addr) }
}

// watch is the dialer of a clone. The clone holds it, so it must not hold the
// Pool or anything else that holds the clone's site.
type watch struct {
	dial    dialFunc
	dialTLS dialFunc // nil if the base has none
	ledger  *ledger.Ledger
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

func (w *watch) dialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, names := timeLookup(ctx)
	nc, d, took, err := w.gated(ctx, w.dial, network, addr)
	if nc == nil {
		return nil, err
	}
	c := &conn{Conn: nc}
	if c.line, err = d.Opened(names.setup(took), c, w.peer(nc), time.Now()); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// peer is the address that nc goes to, if somebody counts those.
func (w *watch) peer(nc net.Conn) string {
	if !w.ledger.CountsPeers() {
		return ""
	}
	return ledger.PeerOf(nc.RemoteAddr()).Host
}

// dialTLSContext gates a TLS dialer of the base's own. Its connections are not
// wrapped: net/http looks for a *tls.Conn.
func (w *watch) dialTLSContext(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, d, _, err := w.gated(ctx, w.dialTLS, network, addr)
	if nc != nil {
		d.Done()
	}
	return nc, err
}

// gated dials once the ledger allows it, and says how long the dial took.
func (w *watch) gated(ctx context.Context, dial dialFunc, network, addr string) (net.Conn, ledger.Dial, time.Duration, error) {
	r, ctx := record.FromDial(ctx)
	var d ledger.Dial
	if u := r.Use(w.ledger); u != nil {
		var err error
		if d, err = u.Admit(r.OwnDial()); err != nil {
			return nil, d, 0, err
		}
	} else {
		d = w.ledger.AdmitUnknown(addr)
	}
	// Not cancelled when the dial is done: who knows what a dialer does with its
	// context. It hangs on nothing that would keep it.
	ctx, stop := context.WithCancel(ctx)
	d.Breakable(stop)
	began := time.Now()
	nc, err := dial(ctx, network, addr)
	if err != nil || nc == nil {
		stop()
		d.Done()
		return nil, d, 0, err
	}
	return nc, d, time.Since(began), nil
}

// conn is a watched connection.
type conn struct {
	net.Conn
	line *ledger.Conn
	// The reading goroutine's own:
	last  int  // what the last Read brought
	ended bool // it was the end, as far as it shows

	shake handshake
}

// LedgerConn is how the ledger finds the connection again, through tls.Conn.
func (c *conn) LedgerConn() *ledger.Conn { return c.line }

// NetConn returns the connection that the base's dialer made.
func (c *conn) NetConn() net.Conn { return c.Conn }

func (c *conn) Read(p []byte) (int, error) {
	if c.line.Shaking() {
		return c.shake.read(c.Conn, p)
	}
	c.line.WillRead()
	n, err := c.Conn.Read(p)
	c.last = n
	if ended := err != nil || endsInAlert(p[:n]); ended != c.ended {
		c.ended = ended
		c.line.PeerEnded(ended)
	}
	return n, err
}

// ReadFrom lets net/http send a file as it would without the watch: io.Copy
// looks for ReadFrom on the connection below, sendfile on Linux.
func (c *conn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite half-closes the connection, for a caller that owns it after a 101.
func (c *conn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return fmt.Errorf("CloseWrite: %w", http.ErrNotSupported)
}

func (c *conn) Close() error {
	cause := closer()
	if cause == ledger.ProtocolError && c.last < minRecord {
		// Half a record, perhaps of an alert. Only the reading goroutine finds
		// that something came, so last is its own.
		cause = ledger.Unknown
	}
	c.line.Closing(cause)
	err := c.Conn.Close()
	c.line.Closed()
	return err
}

// closer reads off the stack who closes a connection that lies idle. The names
// are net/http's own, of Go 1.26 and 1.27; HTTP/2's are the same in its two
// packages. Where none fits, the answer is Unknown. ProtocolError means that
// something came on it, which may have been its end.
func closer() ledger.Reason {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		for _, s := range closers {
			if strings.HasSuffix(f.Function, s.frame) {
				return s.reason
			}
		}
		if !more {
			return ledger.Unknown
		}
	}
}

var closers = [...]struct {
	frame  string
	reason ledger.Reason
}{
	{".tryPutIdleConn", ledger.IdleLimit}, // the oldest of all makes room
	{".closeConnIfStillIdle", ledger.IdleTimeout},
	{".onIdleTimeout", ledger.IdleTimeout},
	{".(*Transport).CloseIdleConnections", ledger.ClosedIdle},
	{".forgetStreamID", ledger.GoAway},
	{"net/http/internal/http2.(*clientConnReadLoop).cleanup", ledger.ReadEnded}, // Go 1.27
	{".readLoopPeekFailLocked", ledger.ProtocolError},
}
