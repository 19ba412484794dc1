package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/url"
	"strings"

	"github.com/warmconn/warmconn/internal/word"
)

// Key identifies a host: scheme, name and port. It is made of parts so that no request
// has to put a string together.
type Key struct{ Scheme, Host, Port string }

// KeyOf spells the port out and lowers the name's case, so that one host has
// one key.
func KeyOf(u *url.URL) Key {
	if u == nil {
		return Key{}
	}
	k, port := Key{Scheme: u.Scheme}, ""
	switch u.Scheme {
	case "http":
		port = "80"
	case "https":
		port = "443"
	default:
		k.Scheme = word.Of(u.Scheme)
	}
	if len(u.Host) > MaxHost {
		k.Host = digest(WithoutUser(u.Host))
	} else if name, given, ok := split(u.Host); ok {
		k.Host, k.Port = name, given
	} else {
		bare := url.URL{Host: WithoutUser(u.Host)}
		k.Host, k.Port = inASCII(strings.ToLower(bare.Hostname())), bare.Port()
	}
	if k.Port == "" {
		k.Port = port
	}
	return k
}

// MaxHost is the longest host of a URL, in bytes, that a Key spells out. DNS allows 253, and a
// program's own dialer perhaps more. But a server's redirect may name a host of a
// megabyte, and thousands of hosts are remembered.
const MaxHost = 1 << 10

// digest returns a short name for a host whose own is longer than MaxHost.
func digest(host string) string {
	host = strings.ToLower(host)
	sum := sha256.Sum256([]byte(host))
	return word.Of(host) + hex.EncodeToString(sum[:8])
}

// AddrOf returns the host and port that net/http dials for u. The name is as u spells it,
// for a dialer may tell spellings apart. Only a name that is not in ASCII is spelled as in
// the key: see inASCII.
func AddrOf(u *url.URL) string {
	bare := url.URL{Host: WithoutUser(u.Host)}
	port := bare.Port()
	if port == "" {
		switch u.Scheme {
		case "http":
			port = "80"
		case "https":
			port = "443"
		case "socks5", "socks5h":
			port = "1080"
		}
	}
	name := bare.Hostname()
	if !isASCII(name) {
		name = inASCII(strings.ToLower(name))
	}
	return net.JoinHostPort(name, port)
}

// WithoutUser returns host without user information. A url.URL made by hand may have that
// in its Host: a credential, which must not be shown. Net/http fails to dial such a host,
// but the failure is reported with the host, too.
func WithoutUser(host string) string {
	i := strings.LastIndexByte(host, '@')
	if i < 0 {
		return host
	}
	bare := host[i+1:]
	if host[0] == '[' && !strings.Contains(bare, "[") {
		return "[" + bare // net/http takes the whole host for an IPv6 address
	}
	return bare
}

// split returns what url.URL's Hostname and Port would, for a host whose name is spelled as
// in a Key. Ok is false for a host that may be spelled otherwise. Every request asks, and
// most hosts are spelled so: this path costs less.
func split(host string) (name, port string, ok bool) {
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		case c == ':':
			port = host[i+1:]
			return host[:i], port, digits(port)
		default:
			return "", "", false
		}
	}
	return host, "", true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// KeyOfAddr returns the key of a dial whose address alone is known.
func KeyOfAddr(addr string) Key {
	addr = WithoutUser(addr)
	if len(addr) > MaxHost {
		return Key{Host: digest(addr)}
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return Key{Host: addr}
	}
	return Key{Host: host, Port: port}
}

// String returns the key as "https://example.com:443".
func (k Key) String() string {
	host, scheme, colon := k.Host, "", ""
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if k.Scheme != "" {
		scheme = "://"
	}
	if k.Port != "" {
		colon = ":"
	}
	return k.Scheme + scheme + host + colon + k.Port
}
