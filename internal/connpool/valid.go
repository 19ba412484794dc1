package connpool

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Takes reports whether the Pool can send the request. Other requests, and ones that
// net/http refuses, go to the clone's own RoundTrip, which closes the body and returns the
// same errors as base's.
func Takes(req *http.Request) bool {
	if req.URL == nil || req.Header == nil || req.URL.Host == "" || !validToken(req.Method) {
		return false
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return false
	}
	// Net/http fails to dial a host with user information; and the key of a very long one does
	// not spell it out.
	return strings.IndexByte(req.URL.Host, '@') < 0 && len(req.URL.Host) <= ledger.MaxHost
}

// invalid returns net/http's error for a request whose headers or trailers it would refuse;
// nil if it would not. It is called before a connection is dialed. On an open connection
// net/http finds out by itself, before anything is sent.
func invalid(req *http.Request) error {
	if what := invalidField(req.Header); what != "" {
		return fmt.Errorf("net/http: invalid header %s", what)
	}
	if what := invalidField(req.Trailer); what != "" {
		return fmt.Errorf("net/http: invalid trailer %s", what)
	}
	return nil
}

func invalidField(h http.Header) string {
	for name, values := range h {
		if name == "" || !validToken(name) {
			return fmt.Sprintf("field name %q", name)
		}
		for _, v := range values {
			if !validValue(v) {
				return fmt.Sprintf("field value for %q", name) // the value may be a secret
			}
		}
	}
	return ""
}

// validToken reports whether s is a token of RFC 9110, section 5.6.2, or empty.
func validToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '!' || c == '#' || c == '$' || c == '%' || c == '&' || c == '\'' || c == '*' || c == '+':
		case c == '-' || c == '.' || c == '^' || c == '_' || c == '`' || c == '|' || c == '~':
		default:
			return false
		}
	}
	return true
}

// validValue reports whether s has no control characters but tabs.
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
