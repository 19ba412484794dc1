package ledger

import (
	"net/url"
	"strings"
	"testing"
)

// The short way to a name and a port says what url.URL does.
func FuzzKeyOf(f *testing.F) {
	for _, host := range []string{"host.example", "HOST.example:8080", "127.0.0.1:80", "[::1]:443", "::1", "a:b:80", "host:", ":80", "h%20st", "bücher.example:1", "host:8x"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		u := &url.URL{Scheme: "ftp", Host: host}
		if got, want := KeyOf(u), (Key{"ftp", strings.ToLower(u.Hostname()), u.Port()}); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	})
}
