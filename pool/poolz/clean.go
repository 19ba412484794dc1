package poolz

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/warmconn/warmconn/internal/ledger"
)

// textMost bounds what is shown of one string of somebody else's, in runes, and keptMost what
// is kept of it, in bytes.
const (
	textMost = 160
	keptMost = 512
)

// clean is s as it may be shown: hosts, paths and methods are what others write. Of one that
// is too long the middle is left out. Characters that can't be seen, that would turn a line
// around or end it, and bytes that are no text are spelled out; HTML and JSON are escaped
// where they are written.
func clean(s string) string { return cleanTo(s, textMost) }

func cleanTo(s string, most int) string {
	if len(s) > 8*most { // or what is cut out would be looked at
		s = s[:4*most] + s[len(s)-4*most:]
	}
	if isPlain(s) && len(s) <= most {
		return s
	}
	var pieces []string // as a cut must not fall into one
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			pieces = append(pieces, fmt.Sprintf(`\x%02x`, s[i]))
		case r == ' ':
			pieces = append(pieces, " ")
		case !unicode.IsPrint(r) || unicode.Is(unicode.Mn, r):
			pieces = append(pieces, fmt.Sprintf(`\u%04x`, r))
		default:
			pieces = append(pieces, string(r))
		}
	}
	if len(pieces) <= most {
		return strings.Join(pieces, "")
	}
	head := most * 2 / 3
	return strings.Join(pieces[:head], "") + "…" + strings.Join(pieces[len(pieces)-(most-head-1):], "")
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cleanHost is a host's name without the user information that one made by hand may hold.
func cleanHost(name string) string {
	scheme, rest, ok := strings.Cut(name, "://")
	if !ok {
		return clean(ledger.WithoutUser(name))
	}
	return clean(scheme + "://" + ledger.WithoutUser(rest))
}

// cleanPath is a path without what may be a query, of which the values are secret.
func cleanPath(path string) string {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i] + "?…"
	}
	return clean(path)
}

// cut is as much of s as is kept of it.
func cut(s string) string { return s[:min(len(s), keptMost)] }
