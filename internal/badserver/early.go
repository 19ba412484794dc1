package badserver

import (
	"fmt"
	"net/http"
)

// Early answers half of the requests that have a body with 413, before it has read any of
// the body. If it lingers, it reads on for a while, as net/http's server does, so that the
// client gets the answer. If not, it closes at once, and the kernel resets the connection
// during the upload.
func Early(p Proto, lingers bool) Fault {
	how := "abrupt"
	if lingers {
		how = "lingering"
	}
	return Fault{
		Name:    fmt.Sprintf("early %s %s", how, p),
		Proto:   p,
		Uploads: true,
		serve: func(e *exchange) {
			if e.r.Method != http.MethodPost || e.dice.IntN(2) == 0 {
				e.answer()
				return
			}
			e.respond(http.StatusRequestEntityTooLarge, e.size)
			if lingers {
				return
			}
			e.flush()
			e.conn.Close()
			e.abort()
		},
	}
}
