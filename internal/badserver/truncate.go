package badserver

import "net/http"

// Truncate breaks one response in oneIn off within its body, of announced length or
// chunked.
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
