package trace

import "strings"

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
