package trace

import (
	"bytes"
	"strings"
)

// secrets are the query keys whose values are not shown.
type secrets struct {
	mode   Query
	none   bool            // no value is secret
	listed map[string]bool // Options.RedactQuery, in lower case
}

func secretsOf(o *Options) secrets {
	s := secrets{mode: o.Query, none: o.Query == QueryRedacted && o.RedactQuery != nil && len(o.RedactQuery) == 0}
	if len(o.RedactQuery) > 0 {
		s.listed = make(map[string]bool, len(o.RedactQuery))
		for _, k := range o.RedactQuery {
			s.listed[string(lower([]byte(k)))] = true
		}
	}
	return s
}

// decodings is how many times over a key or a value may be encoded. One that still is
// after them is taken for a secret.
const decodings = 4

// has reports whether the key, as it stands in the query, is one of them. It may be encoded
// more than once: what the server makes of it is not known.
func (s *secrets) has(key string) bool {
	var room [64]byte
	b := append(room[:0], key...)
	for n := 0; ; n++ {
		if s.names(b) {
			return true
		}
		var more bool
		if b, more = decoded(b); !more || n == decodings {
			return more
		}
	}
}

// names reports whether a key is one of them as it is.
func (s *secrets) names(key []byte) bool {
	if s.mode == QueryConventions && conventional(key) {
		return true
	}
	var room [64]byte
	b := lower(append(room[:0], key...))
	return s.listed[string(b)] || s.mode == QueryRedacted && credential(b)
}

// carried reports whether a value is a URL or a query that has a secret key.
func (s *secrets) carried(value string) bool {
	if s.mode != QueryRedacted || strings.IndexByte(value, '=') < 0 && strings.IndexByte(value, '%') < 0 {
		return false
	}
	var room [128]byte
	b := append(room[:0], value...)
	for n := 0; ; n++ {
		if s.within(b) {
			return true
		}
		var more bool
		if b, more = decoded(b); !more || n == decodings {
			return more
		}
	}
}

// within reports whether text has a secret key, as it is.
func (s *secrets) within(text []byte) bool {
	for len(text) > 0 {
		part, rest := text, []byte(nil)
		if i := bytes.IndexAny(text, "&;?#"); i >= 0 {
			part, rest = text[:i], text[i+1:]
		}
		if key, _, ok := bytes.Cut(part, []byte("=")); ok && s.names(key) {
			return true
		}
		text = rest
	}
	return false
}

// decoded decodes b once, in place, and reports whether there was anything to decode.
// What is no proper escape stays as it is.
func decoded(b []byte) (_ []byte, more bool) {
	n := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '+':
			c, more = ' ', true
		case escape(b[i:]):
			c, more = unhex(b[i+1])<<4|unhex(b[i+2]), true
			i += 2
		}
		b[n] = c
		n++
	}
	return b[:n], more
}

// escape reports whether b begins with one.
func escape(b []byte) bool {
	return len(b) > 2 && b[0] == '%' && unhex(b[1]) < 16 && unhex(b[2]) < 16
}

// unhex is the value of a hexadecimal digit; 16 or more for what is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// lower makes ASCII's capitals small, in place.
func lower(b []byte) []byte {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

// conventional reports whether the conventions name the key.
func conventional(key []byte) bool {
	if len(key) > len("X-Amz-Security-Token") {
		return false
	}
	switch string(key) {
	case "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature":
		return true
	}
	return false
}

// credential reports whether a key in lower case names a credential, or a part of it
// between brackets does. It writes over the key.
func credential(key []byte) bool {
	n := 0 // key[:n] are the letters since the last bracket
	for _, c := range key {
		switch {
		case c == '-', c == '_', c == '.', c <= ' ':
		case c == '[', c == ']':
			if credentialWord(key[:n]) {
				return true
			}
			n = 0
		default:
			key[n] = c
			n++
		}
	}
	return credentialWord(key[:n])
}

// credentialWord is credential of a key without what may stand between its words.
func credentialWord(key []byte) bool {
	if bytes.HasPrefix(key, []byte("xamz")) || bytes.HasPrefix(key, []byte("xgoog")) {
		for _, part := range [...]string{"credential", "signature", "token", "key"} {
			if bytes.Contains(key, []byte(part)) {
				return true
			}
		}
		return false
	}
	if len(key) > len("awsaccesskeyid") {
		return false
	}
	switch string(key) {
	case "accesstoken", "apikey", "auth", "awsaccesskeyid", "clientsecret", "code", "googleaccessid", "hmac", "idtoken", "jwt", "key",
		"password", "refreshtoken", "samlresponse", "secret", "session", "sig", "signature", "state", "token":
		return true
	}
	return false
}
