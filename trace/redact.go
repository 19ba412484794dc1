package trace

import (
	"net/url"
	"strings"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Query says what url.full shows of a URL's query.
type Query uint8

const (
	// QueryRedacted shows it without the values of keys that name credentials: the
	// conventions' own, access_token, api_key, auth, client_secret, code, GoogleAccessId,
	// hmac, id_token, jwt, key, password, refresh_token, SAMLResponse, secret, session,
	// sig, signature, state and token; and of what begins with X-Amz- and X-Goog- all that
	// is a credential, a signature, a token or a key. Case, and the - _ . or space between words, do not
	// matter, nor does how a key is encoded, and "user[password]" is a password. A value
	// that is a URL or a query itself is not shown if it has such a key.
	QueryRedacted Query = iota
	// QueryConventions shows it without the values of exactly the keys that the
	// semantic conventions name, in their spelling: X-Amz-Signature, X-Amz-Credential,
	// X-Amz-Security-Token, AWSAccessKeyId, Signature, sig and X-Goog-Signature.
	QueryConventions
	// QueryOmitted leaves it out.
	QueryOmitted
)

const redaction = "REDACTED"

// redacted is u for an attribute: userinfo and the values of secret query keys
// replaced, the fragment left out.
// Origin is its scheme and host, if they are known to need no escaping.
func redacted(u *url.URL, origin string, secret *secrets) string {
	query := secret.redact(u.RawQuery)
	if u.Opaque != "" {
		// It may hold anything, a userinfo too.
		return u.Scheme + ":" + redaction
	}
	host := u.Host
	if origin == "" { // else there is no userinfo in it
		host = ledger.WithoutUser(host)
	}
	if u.User == nil && u.Fragment == "" && query == u.RawQuery && len(host) == len(u.Host) && !(u.ForceQuery && secret.mode == QueryOmitted) {
		return text(u, origin)
	}
	c := *u
	c.Host, c.Fragment, c.RawFragment, c.RawQuery = host, "", "", query
	c.ForceQuery = c.ForceQuery && secret.mode != QueryOmitted
	if c.User != nil || len(host) != len(u.Host) {
		c.User = url.UserPassword(redaction, redaction)
	}
	return c.String()
}

// redact is a query with the values of secret keys replaced. It keeps the order and
// the spelling of all else. What stands between two of & and ; is a key and its value,
// as net/url had it and some servers have it still, and what follows another ? is a
// query of its own: there are programs that append one to a URL which has one.
func (s *secrets) redact(query string) string {
	switch {
	case s.mode == QueryOmitted:
		return ""
	case s.none:
		return query
	}
	var b strings.Builder
	done := 0          // query[:done] is in b
	start, eq := 0, -1 // of what stands between two separators
	for i := 0; i <= len(query); i++ {
		if i < len(query) {
			switch query[i] {
			case '=':
				if eq < 0 {
					eq = i
				}
				continue
			case '&', ';', '?':
			default:
				continue
			}
		}
		if eq >= 0 && (s.has(query[start:eq]) || s.carried(query[eq+1:i])) {
			b.WriteString(query[done : eq+1])
			b.WriteString(redaction)
			done = i
		}
		start, eq = i+1, -1
	}
	if done == 0 {
		return query
	}
	b.WriteString(query[done:])
	return b.String()
}

// text is u.String, in one piece if nothing of it needs escaping: most need
// nothing.
func text(u *url.URL, origin string) string {
	if u.ForceQuery || u.RawPath != "" || u.RawFragment != "" || u.Path != "" && u.Path[0] != '/' || !plain(u.Path) {
		return u.String()
	}
	if origin == "" {
		if u.Scheme == "" || u.Host == "" || !plain(u.Host) {
			return u.String()
		}
		origin = u.Scheme + "://" + u.Host
	}
	if u.RawQuery == "" {
		return origin + u.Path
	}
	return origin + u.Path + "?" + u.RawQuery
}

// origin is how the URLs of h begin that spell it so; empty if that is not known.
func (h *host) origin(spelled string) string {
	switch spelled {
	case h.bare.host:
		return h.bare.origin
	case h.ported.host:
		return h.ported.origin
	}
	return ""
}

// plain reports whether s has only characters that stand for themselves in a host
// and in a path.
func plain(s string) bool {
	const (
		below64 = (1<<10-1)<<'0' | 1<<'/' | 1<<'.' | 1<<'-' | 1<<':'
		above64 = (1<<26-1)<<('A'-64) | (1<<26-1)<<('a'-64) | 1<<('_'-64) | 1<<('~'-64)
	)
	for i := range len(s) {
		set, c := uint64(below64), s[i]
		if c >= 64 {
			set = above64
		}
		if c >= 128 || set>>(c&63)&1 == 0 {
			return false
		}
	}
	return true
}
