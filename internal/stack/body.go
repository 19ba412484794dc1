package stack

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
)

// Body is the response that the caller gets, and its body, in one allocation:
// whoever keeps the Response alone keeps the body too. Nothing that net/http, a
// context, a span or a closure can reach may point here, or to its sentinel.
type Body struct {
	resp     http.Response
	orig     *http.Response // the base's own: net/http may still write to it
	exchange *Exchange
	stack    *Stack // so that its connections are not closed as a dropped stack's
	// Nil once the exchange has ended.
	sentinel atomic.Pointer[sentinel]
}

// Exchange returns the exchange of an exchange whose body is not read yet.
func (b *Body) Exchange() *Exchange { return b.exchange }

// Format keeps package fmt out of the response: it would write what the server sent
// into a program's log. Net/http's bodies are little more than pointers, too.
func (b *Body) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "(*stack.Body)(%p)", b) }

// tunnelBody is a Body over one that can be written to.
type tunnelBody struct{ *Body }

// Write implements io.Writer.
func (b tunnelBody) Write(p []byte) (int, error) {
	n, err := b.orig.Body.(io.Writer).Write(p)
	runtime.KeepAlive(b.Body)
	return n, err
}
