package ledger

import (
	"net/url"
	"strings"
	"testing"
)

// The short way to a name and a port has url.URL's result, but for user information, which
// package url does not look for in a Host, and names that are not in ASCII.
func FuzzKeyOf(f *testing.F) {
	for _, host := range []string{"host.example", "HOST.example:8080", "127.0.0.1:80", "[::1]:443", "::1", "a:b:80", "host:", ":80", "h%20st", "bücher.example:1", "host:8x", "user:secret@host.example:1", "user@@[::1]"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		bare := &url.URL{Host: WithoutUser(host)}
		if got, want := KeyOf(&url.URL{Scheme: "ftp", Host: host}), (Key{"ftp", inASCII(strings.ToLower(bare.Hostname())), bare.Port()}); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	})
}

func TestAHostIsShownWithoutItsUserInformation(t *testing.T) {
	for host, want := range map[string]string{
		"host.example:80":               "host.example:80",
		"user:secret@host.example:80":   "host.example:80",
		"sec@ret@[::1]:80":              "[::1]:80",
		"[user:secret@host.example]:80": "[host.example]:80",
		"[user:secret@[::1]]:80":        "[::1]]:80",
		"@":                             "",
		"[@":                            "[",
		"":                              "",
		"[fe80::1%25en0]:80":            "[fe80::1%25en0]:80",
	} {
		if got := WithoutUser(host); got != want {
			t.Errorf("%q is shown as %q, want %q", host, got, want)
		}
	}
	if got, want := KeyOfAddr("[user:secret@host.example]:80"), (Key{"", "host.example", "80"}); got != want {
		t.Errorf("the address of a dial is %q, want %q", got, want)
	}
}
