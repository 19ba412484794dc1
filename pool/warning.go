package pool

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/stack"
)

// Warning tells a program that it uses the kit in a way that takes something from it.
// Nothing fails.
type Warning struct {
	// Kind is for programs. Expect new ones.
	Kind WarningKind
	// Base is the type of the http.RoundTripper that the layers stand on, as %T prints it.
	Base string
	// Text is a sentence for people, which names the better way.
	Text string
}

// String returns the Text.
func (w Warning) String() string { return w.Text }

// WarningKind says what a Warning is about.
type WarningKind string

const (
	// StandsOutside: the base is a middleware, such as otelhttp's, a retrier or an SDK's,
	// and the Pool can't own the connections below it. Put the layers inside: wrap the
	// RoundTripper that the base wraps.
	StandsOutside WarningKind = "stands_outside"
	// NotOwned: the Pool can't own the connections of the base. It is a transport that a
	// clone would take something from, or another kind of RoundTripper: HTTP/3's, say, or a
	// function, which may be a middleware for all that can be seen.
	NotOwned WarningKind = "not_owned"
)

// maxWarnings bounds the Warnings of a Pool. No program has bases of so many types.
const maxWarnings = 64

// warned has the texts that a Pool has warned of, so that it does so once.
type warned struct {
	mu   sync.Mutex // no other lock is taken under it
	told map[string]struct{}
}

// first reports whether text is told for the first time.
func (w *warned) first(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.told[text]; ok || len(w.told) >= maxWarnings {
		return false
	}
	if w.told == nil {
		w.told = make(map[string]struct{})
	}
	w.told[text] = struct{}{}
	return true
}

// notOwned returns the reason why the connections of base are not owned, and warns of it. Why
// is the reason, if it is known already: that of an *http.Transport is.
func (p *Pool) notOwned(base http.RoundTripper, why string) string {
	w := Warning{Kind: NotOwned, Base: fmt.Sprintf("%T", base)}
	ownedBelow := stack.OwnsConnections(base)
	switch {
	case why != "":
	case ownedBelow:
		why = fmt.Sprintf("a stack below a %T owns the connections", base)
	case chain.Wraps(base):
		w.Kind = StandsOutside
		why = fmt.Sprintf("it stands outside of a %T; wrap what that wraps", base)
	default:
		why = fmt.Sprintf("it stands on a %T, which is no *http.Transport; if that wraps one, wrap what it wraps", base)
	}
	w.Text = "pool only counts requests, and owns no connections: " + why
	if !ownedBelow && p.opts.OnWarning != nil && p.warned.first(w.Text) {
		p.opts.OnWarning(w)
	}
	return why
}
