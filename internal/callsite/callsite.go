// Package callsite tells where in the program a request was made.
package callsite

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

const (
	// Depth is the number of frames in which most stacks fit: net/http's and the kit's
	// own, and some of an SDK's and the program's.
	Depth = 32
	// most is for SDKs that stack their own layers: the program's line is above them.
	most = 256
)

// Take fills pcs with the caller's stack and returns it. A stack that is deeper than Depth
// is returned in a slice of its own.
func Take(pcs *[Depth]uintptr) []uintptr {
	if n := runtime.Callers(2, pcs[:]); n < Depth {
		return pcs[:n]
	}
	return deep()
}

// deep has an array of 2 KiB on the stack. It is not in Take, or each request would need
// that room.
//
//go:noinline
func deep() []uintptr {
	var pcs [most]uintptr
	return slices.Clone(pcs[:runtime.Callers(3, pcs[:])])
}

// Site is where in the program a request was made, as "file:line function".
type Site struct {
	// Caller is the innermost line in the program's main module. If there is none, or the
	// module is not known, it is the line that made the request.
	Caller string
	// Inner is the line that made the request, an SDK's for example. It is empty if that
	// is Caller.
	Inner string
}

// Of returns where the request was made. The line that made it is the innermost one outside
// of net/http and the kit. If an http.Client is on the stack, it is the innermost above
// that: foreign RoundTrippers below the client only pass the request on. The Site is empty
// if there is no such line.
func Of(pcs []uintptr) Site { return of(pcs, program()) }

func of(pcs []uintptr, m module) Site {
	inner, caller, _ := find(pcs, m)
	switch {
	case inner.Function == "":
		return Site{}
	case caller.Function == "" || caller == inner:
		return Site{Caller: line(inner)}
	}
	return Site{Caller: line(caller), Inner: line(inner)}
}

// Within returns how many frames of the stack are within the call: those below the line that
// called for the request, net/http's and the kit's. All of them if none is such a line.
func Within(pcs []uintptr) int {
	_, _, n := find(pcs, program())
	return n
}

// find returns the line that called for the request, the program's own, and how many frames
// are below the first.
func find(pcs []uintptr, m module) (inner, caller runtime.Frame, below int) {
	client := false
	frames := runtime.CallersFrames(pcs)
	n := 0
	for more := len(pcs) > 0; more; n++ {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "net/http.(*Client)."):
			if !client {
				client, inner, caller = true, runtime.Frame{}, runtime.Frame{}
			}
			continue
		case f.Function == "" || ours(f.Function):
			continue
		}
		if inner.Function == "" {
			inner, below = f, n
		}
		if caller.Function == "" && m.has(f.Function) {
			caller = f
		}
		more = more && !(client && caller.Function != "")
	}
	if inner.Function == "" {
		below = n
	}
	return inner, caller, below
}

func line(f runtime.Frame) string { return fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Function) }

// Frames returns all frames of a stack from Take, the innermost first; nil for an empty one.
func Frames(pcs []uintptr) []runtime.Frame {
	if len(pcs) == 0 {
		return nil
	}
	all := make([]runtime.Frame, 0, len(pcs))
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		all = append(all, f)
		if !more {
			return all
		}
	}
}

const kit = "github.com/warmconn/warmconn"

// ours reports whether the function is net/http's or the kit's. The kit's tests and
// examples are callers like others, and so is a net/http/httputil.ReverseProxy.
func ours(function string) bool {
	for _, p := range [...]string{"net/http.", "net/http/internal", "runtime."} {
		if strings.HasPrefix(function, p) {
			return true
		}
	}
	rest, ok := strings.CutPrefix(function, kit)
	if !ok {
		return false
	}
	for _, p := range [...]string{".", "/roundtripper.", "/drain.", "/pool.", "/trace.", "/internal/stack.", "/internal/chain."} {
		if strings.HasPrefix(rest, p) {
			return true
		}
	}
	return false
}
