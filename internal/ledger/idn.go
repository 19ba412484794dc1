package ledger

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// inASCII spells a name that is not in ASCII as net/http does, so that one host has
// one key, and is dialed as net/http would dial it. Net/http does not export its table of
// names, but it writes their spelling into a request's Host line, where this function reads
// it. A name without a spelling is returned unchanged, and its dial fails.
func inASCII(name string) string {
	if isASCII(name) {
		return name
	}
	var b bytes.Buffer
	req := &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: name, Path: "/"}, Host: name, Header: http.Header{}}
	if req.Write(&b) != nil {
		return name
	}
	_, rest, found := strings.Cut(b.String(), "\r\nHost: ")
	host, _, ended := strings.Cut(rest, "\r\n")
	if !found || !ended || host == "" || !isASCII(host) {
		return name
	}
	return host
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
