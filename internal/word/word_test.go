package word_test

import (
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/word"
)

func TestOf(t *testing.T) {
	long := strings.Repeat("x", word.Most)
	for in, want := range map[string]string{
		"":               "",
		"PROPFIND":       "PROPFIND",
		"_OTHER":         "_OTHER",
		"a b":            "a?b",
		"a\r\nb\x00\x7f": "a??b??",
		"ü":              "??",
		long:             long,
		long + "x":       long[3:] + "...",
		long + "\n":      long[3:] + "...",
	} {
		if got := word.Of(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add("GET")
	f.Add(strings.Repeat("\n", 100))
	f.Fuzz(func(t *testing.T, s string) {
		got := word.Of(s)
		if len(got) > word.Most || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q is %q", s, got)
		}
		if again := word.Of(got); again != got {
			t.Errorf("%q is %q", got, again)
		}
	})
}

func TestAWordIsNotCopied(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { word.Of("PROPFIND") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
