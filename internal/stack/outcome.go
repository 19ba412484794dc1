package stack

import "errors"

// Outcome says how an exchange ended. It is the closed vocabulary of
// roundtripper.Outcome.
type Outcome string

const (
	OutcomeNone     Outcome = "none"      // no body to read
	OutcomeEOF      Outcome = "eof"       // the caller read all of it
	OutcomeDrained  Outcome = "drained"   // closed early, and the rest was read
	OutcomeSkipped  Outcome = "skipped"   // closed early, and a drain was not worth it
	OutcomeGaveUp   Outcome = "gave_up"   // the drain came to its limit of bytes
	OutcomeTimedOut Outcome = "timed_out" // the drain came to its limit of time
	OutcomeClosed   Outcome = "closed"    // closed early without a drain: none in the stack, or under a Read
	OutcomeCanceled Outcome = "canceled"  // the caller's context ended
	OutcomeFailed   Outcome = "failed"    // RoundTrip or the body's Read failed
	OutcomeRefused  Outcome = "refused"   // a layer of the kit refused the request
	OutcomeUpgraded Outcome = "upgraded"  // 101: the connection is the caller's now
	OutcomeLeaked   Outcome = "leaked"    // nobody could close the body any more
)

var (
	errPanicked     = errors.New("warmconn: the RoundTripper below panicked")
	errBodyPanicked = errors.New("warmconn: the body below panicked")
	errTimeSpent    = errors.New("warmconn: the drain's time is spent")
	errBytesSpent   = errors.New("warmconn: the drain's bytes are spent")
	errNoResponse   = errors.New("warmconn: the RoundTripper below returned neither a response nor an error")
)
