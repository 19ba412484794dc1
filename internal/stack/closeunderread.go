package stack

import (
	"strconv"
	"strings"
)

// closesUnderRead reports whether a body can be closed during a Read in that release of Go,
// which drains by itself: in Go 1.27.0 and 1.27.1 the two can deadlock (golang/go#81404).
func closesUnderRead(version string) bool {
	rest, is := strings.CutPrefix(version, "go1.27")
	if !is {
		return true
	}
	rest = strings.TrimPrefix(rest, ".")
	if end := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' }); end >= 0 {
		rest = rest[:end]
	}
	patch, _ := strconv.Atoi(rest) // no number: a beta, or go1.27 itself
	return patch >= 2
}
