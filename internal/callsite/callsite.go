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

// Of returns the first frame outside of net/http and the kit, as
// "file:line function"; empty if there is none.
func Of(pcs []uintptr) string {
	if len(pcs) == 0 {
		return ""
	}
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		if f.Function != "" && !ours(f.Function) {
			return fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Function)
		}
		if !more {
			return ""
		}
	}
}

const module = "github.com/warmconn/warmconn/"

// ours reports whether the function is net/http's or the kit's: its packages,
// not their tests or examples.
func ours(function string) bool {
	if strings.HasPrefix(function, "net/http.") || strings.HasPrefix(function, "net/http/") || strings.HasPrefix(function, "runtime.") {
		return true
	}
	rest, ok := strings.CutPrefix(function, module)
	if !ok {
		return false
	}
	for _, p := range [...]string{"roundtripper.", "drain.", "pool.", "trace.", "internal/record.", "internal/chain."} {
		if strings.HasPrefix(rest, p) {
			return true
		}
	}
	return false
}
