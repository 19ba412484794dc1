package trace

import (
	"net/url"
	"strings"

	"github.com/warmconn/warmconn/internal/ledger"
)

const redaction = "REDACTED"

// secrets are the query keys whose values are not shown.
type secrets struct {
	names map[string]bool
	first [256]bool // what their names begin with
}

// secretsOf has them of Options. Nil is the conventions' list.
func secretsOf(keys []string) secrets {
	if keys == nil {
		keys = []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "AWSAccessKeyId",
			"Signature", "sig", "X-Goog-Signature"}
	}
	s := secrets{names: make(map[string]bool, len(keys))}
	s.first['%'], s.first['+'] = true, true // an encoded letter may be any
	for _, k := range keys {
		s.names[k] = true
		if k != "" {
			s.first[k[0]] = true
		}
	}
	return s
}

// has reports whether the key, as it stands in the query, is one of them.
func (s *secrets) has(key string) bool {
	if key == "" {
		return s.names[""]
	}
	if !s.first[key[0]] {
		return false
	}
	if n, err := url.QueryUnescape(key); err == nil {
		key = n
	}
	return s.names[key]
}

// redacted is u for an attribute: userinfo and the values of secret query keys
// replaced, the fragment left out.
// Origin is its scheme and host, if they are known to need no escaping.
func redacted(u *url.URL, origin string, secret *secrets) string {
	query := redactQuery(u.RawQuery, secret)
	if u.Opaque != "" {
		// It may hold anything, a userinfo too.
		return u.Scheme + ":" + redaction
	}
	host := u.Host
	if origin == "" { // else there is no userinfo in it
		host = ledger.WithoutUser(host)
	}
	if u.User == nil && u.Fragment == "" && query == u.RawQuery && len(host) == len(u.Host) {
		return text(u, origin)
	}
	c := *u
	c.Host, c.Fragment, c.RawFragment, c.RawQuery = host, "", "", query
	if c.User != nil || len(host) != len(u.Host) {
		c.User = url.UserPassword(redaction, redaction)
	}
	return c.String()
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

// redactQuery keeps the order and spelling of everything but the secrets.
func redactQuery(query string, secret *secrets) string {
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
			case '&', ';':
			default:
				continue
			}
		}
		if eq >= 0 && secret.has(query[start:eq]) {
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
