package trace

import (
	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/stack"
)

// errorType is the value of error.type, but for a status; empty if the exchange did
// not fail.
func errorType(f *stack.Facts) string {
	switch {
	case f.TimedOut:
		return "timeout"
	case f.Outcome == stack.OutcomeCanceled:
		return "" // the caller's own wish
	case f.Err != nil:
		return errclass.Of(f.Err)
	}
	return ""
}
