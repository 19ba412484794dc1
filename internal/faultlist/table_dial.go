package faultlist

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// handshakes are faults before there is a connection: DNS, TLS, proxies.
func handshakes() []Fault {
	const nowhere, there = "http://nowhere.test", "https://example.com"
	return []Fault{
		{Name: "no such name", URL: nowhere, Base: resolves(func(q []byte) []byte { return reply(q, 0x81, 0x83) })},
		{Name: "a name server that fails", URL: nowhere, Base: resolves(func(q []byte) []byte { return reply(q, 0x81, 0x82) })},
		{Name: "a name server that refuses", URL: nowhere, Base: resolves(func(q []byte) []byte { return reply(q, 0x81, 0x85) })},
		{Name: "a name without addresses", URL: nowhere, Base: resolves(func(q []byte) []byte { return reply(q, 0x81, 0x80) })},
		{Name: "a name server that is silent", URL: nowhere, Base: resolvesIn(hang, func([]byte) []byte { return nil })},
		{Name: "a name that is none", URL: "http://a..b.test"},
		{Name: "a dial that returns nothing", Base: dials(func(context.Context) (net.Conn, error) { return nil, nil })},
		{Name: "a dial that fails in its own words", Base: dials(func(context.Context) (net.Conn, error) { return nil, errors.New("no way") })},
		{Name: "a dial that takes longer than the deadline", Deadline: hang, URL: "http://nowhere.test", Base: dials(func(context.Context) (net.Conn, error) {
			time.Sleep(2 * hang) // the fault itself
			return nil, errors.New("too late")
		})},

		{Name: "a certificate of nobody", Proto: TLS, Base: func(t *http.Transport, _ *server) { t.TLSClientConfig = nil }},
		{Name: "a certificate of another host", Proto: TLS, Base: func(t *http.Transport, _ *server) { t.TLSClientConfig.ServerName = "other.test" }},
		{Name: "TLS that is too old", Proto: TLS, ServerTLS: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }},
		{Name: "a client's certificate is wanted, TLS 1.2", Proto: TLS, ServerTLS: func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }},
		{Name: "a client's certificate is wanted, TLS 1.3", Chance: first, Proto: TLS, ServerTLS: func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }},
		{Name: "no protocol that both speak", Proto: HTTP2, ServerTLS: func(c *tls.Config) { c.NextProtos = []string{"odd/1"} }},
		{Name: "plain HTTP in the place of TLS", Proto: TLS, Conn: func(c *Conn) { io.WriteString(c.Conn, "HTTP/1.1 400 Bad Request\r\n\r\n"); c.HalfClose() }},
		{Name: "closed within the handshake", Proto: TLS, Conn: func(c *Conn) { c.r.Peek(1); c.Close() }},
		{Name: "reset within the handshake", Proto: TLS, Conn: func(c *Conn) { c.r.Peek(1); c.Reset() }},
		{Name: "the first is reset within the handshake", Proto: TLS, Once: true, Conn: func(c *Conn) { c.r.Peek(1); c.Reset() }},
		{Name: "an alert within the handshake", Proto: TLS, Conn: func(c *Conn) { io.WriteString(c.Conn, "\x15\x03\x01\x00\x02\x02\x28"); c.HalfClose() }},
		{Name: "garbage within the handshake", Proto: TLS, Conn: func(c *Conn) { io.WriteString(c.Conn, "\x16\x03\x03\x00\x04\x02\x00\x00\x00"); c.HalfClose() }},
		{Name: "silence within the handshake", Proto: TLS, Conn: waits, Base: func(t *http.Transport, _ *server) { t.TLSHandshakeTimeout = hang }},
		{Name: "silence within the handshake, past the deadline", Proto: TLS, Conn: waits, Deadline: hang, Base: func(t *http.Transport, _ *server) { t.TLSHandshakeTimeout = 3 * hang }},
		{Name: "silence within the handshake over HTTP/2", Proto: HTTP2, Conn: waits, Base: func(t *http.Transport, _ *server) { t.TLSHandshakeTimeout = hang }},

		{Name: "a proxy", Base: byProxy("http"), URL: nowhere},
		{Name: "a proxy that says 502", Deadline: long, Base: byProxy("http"), URL: nowhere, Serve: says("HTTP/1.1 502 Bad Gateway\r\n"+two, goesOn)},
		{Name: "a proxy that wants credentials", Deadline: long, Base: byProxy("http"), URL: nowhere, Serve: says("HTTP/1.1 407 Proxy Authentication Required\r\n"+two, goesOn)},
		{Name: "a proxy that resets", Base: byProxy("http"), URL: nowhere, Serve: resets},
		{Name: "a proxy that refuses", URL: nowhere, Base: func(t *http.Transport, _ *server) {
			t.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
		}},
		{Name: "a proxy that there is not", URL: nowhere, Base: func(t *http.Transport, s *server) {
			resolves(func(q []byte) []byte { return reply(q, 0x81, 0x83) })(t, s)
			t.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.test:80"})
		}},
		{Name: "a proxy that can't be told", URL: nowhere, Base: func(t *http.Transport, _ *server) {
			t.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("no word of it") }
		}},
		{Name: "a proxy of an unknown scheme", Base: byProxy("gopher"), URL: nowhere},
		{Name: "a tunnel", Base: byProxy("http"), URL: there},
		{Name: "a tunnel that says 407", Base: byProxy("http"), URL: there, Connect: connects("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", closes)},
		{Name: "a tunnel that says 502", Base: byProxy("http"), URL: there, Connect: connects("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad", closes)},
		{Name: "a tunnel that says 200 and closes", Base: byProxy("http"), URL: there, Connect: connects("HTTP/1.1 200 OK\r\n\r\n", closes)},
		{Name: "a tunnel that says 200 and resets", Base: byProxy("http"), URL: there, Connect: connects("HTTP/1.1 200 OK\r\n\r\n", resets)},
		{Name: "a tunnel that says 200 and no TLS", Base: byProxy("http"), URL: there, Connect: connects("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", halfCloses)},
		{Name: "a tunnel that says garbage", Base: byProxy("http"), URL: there, Connect: connects("hello\r\n\r\n", closes)},
		{Name: "a tunnel whose header is too large", Base: func(t *http.Transport, s *server) { byProxy("http")(t, s); t.MaxResponseHeaderBytes = 64 << 10 }, URL: there, Connect: func(c *Conn) { c.Say("HTTP/1.1 200 OK\r\n"); c.Endlessly("Odd: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n") }},
		{Name: "a tunnel that closes", Base: byProxy("http"), URL: there, Connect: connects("", closes)},
		{Name: "a tunnel that resets", Base: byProxy("http"), URL: there, Connect: connects("", resets)},
		{Name: "a tunnel that is silent", Deadline: hang, Base: byProxy("http"), URL: there, Connect: connects("", waits)},
		{Name: "a tunnel to another certificate", Base: byProxy("http"), URL: "https://other.test"},
		{Name: "a tunnel whose target resets", Base: byProxy("http"), URL: there, Serve: resets},
		{Name: "a SOCKS proxy that speaks HTTP", Base: byProxy("socks5"), URL: nowhere, Conn: func(c *Conn) { io.WriteString(c.Conn, "HTTP/1.1 400 Bad Request\r\n\r\n"); c.HalfClose() }},
		{Name: "a SOCKS proxy that takes nobody", Base: byProxy("socks5"), URL: nowhere, Conn: func(c *Conn) { c.r.Peek(3); io.WriteString(c.Conn, "\x05\xff"); c.HalfClose() }},
		{Name: "a SOCKS proxy that finds nobody", Base: byProxy("socks5"), URL: nowhere, Conn: func(c *Conn) {
			c.r.Peek(3)
			io.WriteString(c.Conn, "\x05\x00\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00")
			c.HalfClose()
		}},
		{Name: "a SOCKS proxy that closes", Base: byProxy("socks5"), URL: nowhere, Conn: func(c *Conn) { c.r.Peek(3); c.Close() }},
	}
}

// connects is a proxy that says this to CONNECT.
func connects(text string, next then) func(*Conn) {
	return func(c *Conn) {
		c.Say(text)
		next(c)
	}
}

// byProxy sends all requests to the server, as a proxy.
func byProxy(scheme string) func(*http.Transport, *server) {
	return func(t *http.Transport, s *server) {
		t.Proxy = http.ProxyURL(&url.URL{Scheme: scheme, Host: s.l.Addr().String()})
	}
}

func dials(dial func(context.Context) (net.Conn, error)) func(*http.Transport, *server) {
	return func(t *http.Transport, _ *server) {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
	}
}

// resolves looks names up at a name server that answers so.
func resolves(answer func(query []byte) []byte) func(*http.Transport, *server) {
	return resolvesIn(patience, answer)
}

// resolvesIn is resolves within a time for each dial.
func resolvesIn(d time.Duration, answer func(query []byte) []byte) func(*http.Transport, *server) {
	return func(t *http.Transport, s *server) {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		s.ends = append(s.ends, func() { pc.Close() })
		s.all.Go(func() {
			for q := make([]byte, 512); ; {
				n, from, err := pc.ReadFrom(q)
				if err != nil {
					return
				}
				if a := answer(q[:n]); a != nil {
					pc.WriteTo(a, from)
				}
			}
		})
		dialer := &net.Dialer{Timeout: d, Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
			if err == nil { // the resolver would wait 5 s for the answer, though its dial has ended
				context.AfterFunc(ctx, func() { c.Close() })
			}
			return c, err
		}}}
		t.DialContext = dialer.DialContext
	}
}

// reply answers a query with these flags, and nothing else.
func reply(q []byte, flags1, flags2 byte) []byte {
	a := append([]byte(nil), q...)
	a[2], a[3] = flags1, flags2
	a[10], a[11] = 0, 0 // the query's additional section is not repeated
	for i := 12; i < len(a); {
		if a[i] == 0 {
			return a[:min(i+5, len(a))]
		}
		i += int(a[i]) + 1
	}
	return a
}
