package badserver

import "net/http"

// Truncate breaks off one response in oneIn within its body, one that has a
// length as well as one that is chunked.
func Truncate(p Proto, oneIn int) Fault {
	return Fault{
		Name:  "truncated " + string(p),
		Proto: p,
		serve: func(e *exchange) {
			if e.dice.IntN(oneIn) != 0 || e.r.Method == http.MethodHead {
				e.answer()
				return
			}
			if e.upload() {
				e.respond(http.StatusOK, e.part())
				e.flush()
			}
			e.abort()
		},
	}
}
