// Package callsite says where in the program a request was made.
package callsite

import (
	"fmt"
	"runtime"
	"strings"
)

// Depth is how many frames are worth taking: net/http's and the kit's own, and
// some of an SDK's.
const Depth = 32

// Take fills pcs with the caller's stack and returns how many entries it has.
func Take(pcs []uintptr) int { return runtime.Callers(2, pcs) }

// Of returns the frame that called for the request, as "file:line function":
// the first outside of net/http and the kit. If an http.Client is on the stack, it
// is the first above that: RoundTrippers of others below it only pass the request
// on. Empty if there is none.
func Of(pcs []uintptr) string {
	if len(pcs) == 0 {
		return ""
	}
	var found runtime.Frame
	client := false
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "net/http.(*Client)."):
			if !client {
				client, found = true, runtime.Frame{}
			}
		case f.Function == "" || ours(f.Function) || found.Function != "":
		default:
			found = f
		}
		if !more || client && found.Function != "" {
			break
		}
	}
	if found.Function == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d %s", found.File, found.Line, found.Function)
}

const module = "github.com/warmconn/warmconn/"

// ours reports whether the function is net/http's or the kit's: its packages,
// not their tests or examples. A net/http/httputil.ReverseProxy is a caller like
// others.
func ours(function string) bool {
	for _, p := range [...]string{"net/http.", "net/http/internal", "runtime."} {
		if strings.HasPrefix(function, p) {
			return true
		}
	}
	rest, ok := strings.CutPrefix(function, module)
	if !ok {
		return false
	}
	for _, p := range [...]string{"roundtripper.", "drain.", "pool.", "trace.", "internal/stack.", "internal/chain."} {
		if strings.HasPrefix(rest, p) {
			return true
		}
	}
	return false
}
