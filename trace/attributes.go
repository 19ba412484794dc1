package trace

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// methodOf returns the method as the conventions want it, and the original if
// that is another one.
func methodOf(m string) (method, original string) {
	switch m {
	case "":
		return http.MethodGet, "" // net/http's default
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace, "QUERY":
		return m, ""
	default:
		return "_OTHER", m
	}
}

func portOf(u *url.URL) int {
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil {
			return 0
		}
		return n
	}
	switch u.Scheme {
	case "http":
		return 80
	case "https":
		return 443
	}
	return 0
}

func peer(a net.Addr) (host string, port int) {
	switch a := a.(type) {
	case nil:
		return "", 0
	case *net.TCPAddr:
		if a == nil {
			return "", 0
		}
		return a.IP.String(), a.Port
	case *net.UnixAddr:
		if a == nil {
			return "", 0
		}
		return a.Name, 0
	}
	h, p, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String(), 0
	}
	port, _ = strconv.Atoi(p)
	return h, port
}

// version turns "HTTP/1.1" into "1.1", and "HTTP/2.0" into "2".
func version(proto string) string {
	switch v := strings.TrimPrefix(proto, "HTTP/"); v {
	case "2.0":
		return "2"
	case "3.0":
		return "3"
	default:
		return v
	}
}
