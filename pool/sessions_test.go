package pool_test

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// seen keeps the last exchange of a client.
type seen struct {
	*http.Client
	last roundtripper.Exchange
}

func seeing(base http.RoundTripper, mw ...roundtripper.Middleware) *seen {
	s := new(seen)
	o := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { s.last = e }})
	s.Client = roundtripper.Client(&http.Client{Transport: base}, append([]roundtripper.Middleware{o}, mw...)...)
	return s
}

// tellsResumed answers with true if the server has resumed a session, else with false.
func tellsResumed(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS.DidResume) }

// anew sends a request over a new connection, and reports whether the server has resumed a
// session.
func (s *seen) anew(t *testing.T, url string) bool {
	t.Helper()
	s.CloseIdleConnections()
	return s.ask(t, url)
}

func (s *seen) ask(t *testing.T, url string) bool {
	t.Helper()
	resp, err := s.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resumed := string(b) == "true"
	if s.last.Resumed != resumed {
		t.Errorf("the exchange says resumed %v, the server %v", s.last.Resumed, resumed)
	}
	return resumed
}

// signer counts the signatures of a server's key: each full handshake has one, and a resumed one
// has none.
type signer struct {
	crypto.Signer
	n atomic.Int32
}

func (s *signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.n.Add(1)
	return s.Signer.Sign(rand, digest, opts)
}

// TestResumedHandshakesNeedNoSignature makes new connections, with and without sessions in turns, and
// prints the times of their handshakes. The server's certificate has an RSA key, as most still
// have.
func TestResumedHandshakesNeedNoSignature(t *testing.T) {
	rounds := fullsize.Of(2000, 20)
	t.Logf("%-8s  %-11s %10s %10s %10s", "", "sessions", "resumed", "median", "p95")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(tellsResumed))
		srv.TLS = &tls.Config{MaxVersion: version}
		srv.StartTLS()
		defer srv.Close()
		key := &signer{Signer: srv.TLS.Certificates[0].PrivateKey.(crypto.Signer)}
		srv.TLS.Certificates[0].PrivateKey = key
		base := srv.Client().Transport.(*http.Transport)
		var took [2][]time.Duration
		var resumed, signed [2]int
		var clients [2]*seen
		for i, sessions := range []int{0, 8} {
			p := pool.New(pool.Options{TLSSessions: sessions})
			defer p.Close()
			clients[i] = seeing(base.Clone(), p.Middleware)
		}
		for n := range rounds + 1 {
			for i, c := range clients {
				before := key.n.Load()
				yes := c.anew(t, srv.URL)
				signed[i] += int(key.n.Load() - before)
				if c.last.TLSVersion != version {
					t.Fatalf("version %x, want %x", c.last.TLSVersion, version)
				}
				if n == 0 {
					continue // without a session yet
				}
				took[i] = append(took[i], c.last.TLS)
				if yes {
					resumed[i]++
				}
			}
		}
		for i, name := range []string{"none", "8"} {
			slices.Sort(took[i])
			t.Logf("%-8s  %-11s %4d of %4d %8v %10v", tls.VersionName(version), name, resumed[i], rounds,
				took[i][rounds/2].Round(time.Microsecond), took[i][rounds*95/100].Round(time.Microsecond))
		}
		if resumed != [2]int{0, rounds} {
			t.Errorf("%v handshakes resumed, want none of %d and all", resumed, rounds)
		}
		if signed != [2]int{rounds + 1, 1} {
			t.Errorf("the server's key has signed %v handshakes, want all %d and the first", signed, rounds+1)
		}
	}
}

func TestSessionsAreLeftToABaseThatHasItsOwnWord(t *testing.T) {
	cert := testserver.NewCert()
	for _, tt := range []struct {
		name    string
		change  func(base *http.Transport, called *atomic.Int32)
		resumed bool
		calls   int32 // over three connections
		says    string
	}{
		{name: "none", change: func(*http.Transport, *atomic.Int32) {}, resumed: true, says: "; resumes TLS sessions, 8 at most are kept"},
		{
			name: "VerifyConnection", resumed: true, calls: 3, says: "; resumes TLS sessions",
			change: func(base *http.Transport, called *atomic.Int32) {
				base.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { called.Add(1); return nil }
			},
		},
		{
			name: "VerifyPeerCertificate", calls: 3, says: "; resumes no TLS sessions: the transport has a VerifyPeerCertificate",
			change: func(base *http.Transport, called *atomic.Int32) {
				base.TLSClientConfig.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { called.Add(1); return nil }
			},
		},
		{
			name: "GetClientCertificate", calls: 3, says: "; resumes no TLS sessions: the transport has a GetClientCertificate",
			change: func(base *http.Transport, called *atomic.Int32) {
				base.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					called.Add(1)
					return &cert, nil
				}
			},
		},
		{
			name: "a cache of its own", resumed: true, says: "; resumes no TLS sessions: the transport has a ClientSessionCache of its own",
			change: func(base *http.Transport, _ *atomic.Int32) {
				base.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			},
		},
		{
			name: "SessionTicketsDisabled", says: "; resumes no TLS sessions: the transport has SessionTicketsDisabled",
			change: func(base *http.Transport, _ *atomic.Int32) { base.TLSClientConfig.SessionTicketsDisabled = true },
		},
		{
			name: "a TLS dialer of its own", calls: 3, says: "; resumes no TLS sessions: the transport dials TLS by itself",
			change: func(base *http.Transport, called *atomic.Int32) {
				cfg := base.TLSClientConfig
				base.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					called.Add(1)
					return (&tls.Dialer{Config: cfg}).DialContext(ctx, network, addr)
				}
			},
		},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tt.name+", "+tls.VersionName(version), func(t *testing.T) {
				srv := httptest.NewUnstartedServer(http.HandlerFunc(tellsResumed))
				srv.TLS = &tls.Config{MaxVersion: version, ClientAuth: tls.RequestClientCert}
				srv.StartTLS()
				defer srv.Close()
				base := srv.Client().Transport.(*http.Transport)
				var called atomic.Int32
				tt.change(base, &called)
				cache := base.TLSClientConfig.ClientSessionCache
				p := pool.New(pool.Options{TLSSessions: 8})
				defer p.Close()
				c := seeing(base, p.Middleware)
				for n := range 3 {
					if got, want := c.anew(t, srv.URL), tt.resumed && n > 0; got != want {
						t.Errorf("connection %d: resumed %v, want %v", n+1, got, want)
					}
					if c.ask(t, srv.URL); !c.last.Reused || c.last.TLSVersion != version {
						t.Errorf("reused %v, version %x", c.last.Reused, c.last.TLSVersion)
					}
				}
				if called.Load() != tt.calls {
					t.Errorf("called %d times for 3 connections, want %d", called.Load(), tt.calls)
				}
				h := p.Stats().Hosts[0]
				resumed := uint64(0)
				if tt.resumed {
					resumed = 2
				}
				if h.Handshakes != 3 || h.Resumed != resumed {
					t.Errorf("%d handshakes counted, %d of them resumed; want 3 and %d", h.Handshakes, h.Resumed, resumed)
				}
				if d := roundtripper.Describe(c.Transport); !strings.Contains(d, tt.says) {
					t.Errorf("described as\n%s\nwant in it: %s", d, tt.says)
				}
				if base.TLSClientConfig.ClientSessionCache != cache {
					t.Error("the base's configuration was changed")
				}
			})
		}
	}
}

// TestWhatTLSShowsIsToldOfABaseThatIsOnlyObserved, and through foreign middleware.
func TestWhatTLSShowsIsToldOfABaseThatIsOnlyObserved(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", http2), func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(tellsResumed), testserver.Options{TLS: true, HTTP2: http2})
			defer srv.Close()
			base := srv.Transport()
			base.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for name, rt := range map[string]http.RoundTripper{
				"a transport": base, "middleware": over(base), "middleware over a pool": over(pool.New(pool.Options{}).Middleware(base.Clone())),
			} {
				c := seeing(rt)
				for n := range 2 {
					c.anew(t, srv.URL)
					if c.last.TLSVersion != tls.VersionTLS13 {
						t.Errorf("%s, connection %d: version %x", name, n+1, c.last.TLSVersion)
					}
					c.ask(t, srv.URL)
				}
				if !c.last.Resumed || !c.last.Reused {
					t.Errorf("%s: resumed %v, reused %v", name, c.last.Resumed, c.last.Reused)
				}
			}
		})
	}
}

// over is a middleware that does nothing.
func over(next http.RoundTripper) http.RoundTripper { return roundtripper.Layer(next, next.RoundTrip) }
