package trace

import (
	"net/url"

	"github.com/warmconn/warmconn/internal/ledger"
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
