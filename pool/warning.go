package pool

import (
	"fmt"
	"net/http"
	"sync"
)

// Warning is what a program should know of how it uses the kit: nothing fails for it.
type Warning struct {
	// Kind says what it is, for programs. Expect new ones.
	Kind WarningKind
	// Base is the type of the http.RoundTripper that the layers stand on, as %T prints it.
	Base string
	// Text is a sentence for people, which names the way that works.
	Text string
}

// String returns the Text.
func (w Warning) String() string { return w.Text }

// WarningKind says what a Warning is of.
type WarningKind string

// NotOwned: the Pool does not own the connections of this base, and only counts its
// requests. It may be a middleware, which the layers should stand below; or a transport
// that a clone would take something from.
const NotOwned WarningKind = "not_owned"

// maxWarnings is how many Warnings a Pool tells apart; bases of more types than that are
// not a program's.
const maxWarnings = 64

// warned is what a Pool has warned of, so that it does so once.
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

// notOwned says why the connections of base are not owned, and warns of it.
func (p *Pool) notOwned(base http.RoundTripper, why string) string {
	if why == "" {
		why = fmt.Sprintf("it stands outside of a %T; wrap what that wraps", base)
	}
	if p.opts.OnWarning != nil {
		text := fmt.Sprintf("pool only counts requests, and owns no connections: %s", why)
		if p.warned.first(text) {
			p.opts.OnWarning(Warning{Kind: NotOwned, Base: fmt.Sprintf("%T", base), Text: text})
		}
	}
	return why
}
