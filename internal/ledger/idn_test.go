package ledger

import (
	"net/url"
	"testing"
)

func TestNamesAreSpelledInASCII(t *testing.T) {
	for name, want := range map[string]string{
		"example.com":        "example.com",
		"bücher.example":     "xn--bcher-kva.example",
		"BÜCHER.example":     "xn--bcher-kva.example",
		"xn--bcher-kva.test": "xn--bcher-kva.test",
		"例え.テスト":             "xn--r8jz45g.xn--zckzah",
	} {
		if got := KeyOf(&url.URL{Scheme: "https", Host: name + ":8443"}); got != (Key{"https", want, "8443"}) {
			t.Errorf("%s: %+v, want %s", name, got, want)
		}
	}
}
