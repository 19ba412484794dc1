package stack

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
)

// Body is the response that the caller gets, and its body, in one allocation: a caller that
// keeps only the Response keeps the body, too. Nothing that net/http, a context, a span or a
// closure can reach may point here, or to its sentinel.
type Body struct {
	resp     http.Response
	orig     *http.Response // the base's own: net/http may still write to it
	exchange *Exchange
	stack    *Stack // kept: a dropped stack's connections are closed
	// Nil once the exchange has ended.
	sentinel atomic.Pointer[sentinel]
}

// Exchange returns the body's exchange.
func (b *Body) Exchange() *Exchange { return b.exchange }

// Format keeps package fmt out of the response: it would write the server's data into a
// program's log. Net/http's own bodies print as little more than pointers, too.
func (b *Body) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "(*stack.Body)(%p)", b) }

// tunnelBody is a Body whose raw body is an io.Writer.
type tunnelBody struct{ *Body }

// Write implements io.Writer.
func (b tunnelBody) Write(p []byte) (int, error) {
	n, err := b.orig.Body.(io.Writer).Write(p)
	runtime.KeepAlive(b.Body)
	return n, err
}
