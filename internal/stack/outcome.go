package stack

import "errors"

// Outcome says how an exchange ended. It is the closed vocabulary of
// roundtripper.Outcome.
type Outcome uint8

const (
	OutcomePending  Outcome = iota // the exchange goes on
	OutcomeNone                    // no body to read
	OutcomeEOF                     // the caller read all of it
	OutcomeDrained                 // closed early, and the rest was read
	OutcomeSkipped                 // closed early, and a drain was not worth it
	OutcomeGaveUp                  // the drain came to its limit of bytes
	OutcomeTimedOut                // the drain came to its limit of time
	OutcomeClosed                  // closed early without a drain: the stack has none, or a Read was under way
	OutcomeCanceled                // the caller's context ended
	OutcomeFailed                  // RoundTrip or the body's Read failed
	OutcomeRefused                 // a layer of the kit refused the request
	OutcomeUpgraded                // 101: the connection is the caller's now
	OutcomeLeaked                  // no code could close the body any more

	outcomes
)

// outcomeWords are the words that the kit's users see.
var outcomeWords = [outcomes]string{
	OutcomeNone:     "none",
	OutcomeEOF:      "eof",
	OutcomeDrained:  "drained",
	OutcomeSkipped:  "skipped",
	OutcomeGaveUp:   "gave_up",
	OutcomeTimedOut: "timed_out",
	OutcomeClosed:   "closed",
	OutcomeCanceled: "canceled",
	OutcomeFailed:   "failed",
	OutcomeRefused:  "refused",
	OutcomeUpgraded: "upgraded",
	OutcomeLeaked:   "leaked",
}

// String is the word; empty while the exchange goes on.
func (o Outcome) String() string { return outcomeWords[o] }

var (
	errPanicked     = errors.New("warmconn: the RoundTripper below panicked")
	errBodyPanicked = errors.New("warmconn: the body below panicked")
	errTimeSpent    = errors.New("warmconn: the drain's time is spent")
	errBytesSpent   = errors.New("warmconn: the drain's bytes are spent")
	errNoResponse   = errors.New("warmconn: the RoundTripper below returned neither a response nor an error")
)
