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
		if len(host) > MaxHost {
			t.Skip()
		}
		bare := &url.URL{Host: WithoutUser(host)}
		if got, want := KeyOf(&url.URL{Scheme: "ftp", Host: host}), (Key{"ftp", inASCII(strings.ToLower(bare.Hostname())), bare.Port()}); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	})
}

// A server may name hosts of any length, and each is remembered for a while.
func TestAHostOfAnyLengthHasAShortKeyOfItsOwn(t *testing.T) {
	seen := make(map[Key]bool)
	for _, host := range []string{
		strings.Repeat("a", MaxHost), strings.Repeat("a", MaxHost+1), strings.Repeat("a", MaxHost+2), strings.Repeat("a", MaxHost) + ":1",
		"a:" + strings.Repeat("1", MaxHost), "user:secret@" + strings.Repeat("b", MaxHost), strings.Repeat("\n", 1<<20),
	} {
		for _, k := range []Key{KeyOf(&url.URL{Scheme: strings.Repeat("s", 1<<20), Host: host}), KeyOfAddr(host)} {
			if seen[k] {
				t.Errorf("%.20q has the key of another", host)
			}
			seen[k] = true
			if s := k.String(); len(s) > MaxHost+100 || strings.Contains(s, "secret") {
				t.Errorf("%.20q is %.100q, of %d bytes", host, s, len(s))
			}
		}
	}
	upper, lower := KeyOf(&url.URL{Host: strings.Repeat("A", 2*MaxHost)}), KeyOf(&url.URL{Host: strings.Repeat("a", 2*MaxHost)})
	if upper != lower {
		t.Errorf("%q and %q are one host", upper, lower)
	}
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
