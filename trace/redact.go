package trace

import (
	"net/url"
	"strings"
)

const redaction = "REDACTED"

// secrets are the query keys whose values are not shown. Nil is the conventions'
// list.
func secrets(keys []string) map[string]bool {
	if keys == nil {
		keys = []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "AWSAccessKeyId",
			"Signature", "sig", "X-Goog-Signature"}
	}
	m := make(map[string]bool, len(keys))
	for _, k := range keys {
		m[k] = true
	}
	return m
}

// redacted is u for an attribute: userinfo and the values of secret query keys
// replaced, the fragment left out.
func redacted(u *url.URL, secret map[string]bool) string {
	query := redactQuery(u.RawQuery, secret)
	if u.Opaque != "" {
		// It may hold anything, a userinfo too.
		return u.Scheme + ":" + redaction
	}
	if u.User == nil && u.Fragment == "" && query == u.RawQuery {
		return text(u)
	}
	c := *u
	c.Fragment, c.RawFragment, c.RawQuery = "", "", query
	if c.User != nil {
		c.User = url.UserPassword(redaction, redaction)
	}
	return c.String()
}

// text is u.String, in one piece if nothing of it needs escaping: most need
// nothing.
func text(u *url.URL) string {
	if u.Scheme == "" || u.Host == "" || u.ForceQuery || u.RawPath != "" || u.RawFragment != "" ||
		u.Path != "" && u.Path[0] != '/' || !plain(u.Host) || !plain(u.Path) {
		return u.String()
	}
	if u.RawQuery == "" {
		return u.Scheme + "://" + u.Host + u.Path
	}
	return u.Scheme + "://" + u.Host + u.Path + "?" + u.RawQuery
}

// plain reports whether s has only characters that stand for themselves in a host
// and in a path.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '/', c == '.', c == '-', c == '_', c == '~', c == ':':
		default:
			return false
		}
	}
	return true
}

// redactQuery keeps the order and spelling of everything but the secrets.
func redactQuery(query string, secret map[string]bool) string {
	if query == "" {
		return ""
	}
	var b strings.Builder
	done := 0 // query[:done] is in b
	for start := 0; start <= len(query); {
		end := len(query)
		if i := strings.IndexAny(query[start:], "&;"); i >= 0 {
			end = start + i
		}
		key, _, found := strings.Cut(query[start:end], "=")
		if found {
			name := key
			if n, err := url.QueryUnescape(key); err == nil {
				name = n
			}
			if secret[name] {
				b.WriteString(query[done : start+len(key)+1])
				b.WriteString(redaction)
				done = end
			}
		}
		start = end + 1
	}
	if done == 0 {
		return query
	}
	b.WriteString(query[done:])
	return b.String()
}
