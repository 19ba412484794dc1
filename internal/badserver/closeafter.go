package badserver

import "fmt"

// CloseAfter closes a connection after n requests, as nginx does by
// keepalive_requests. It says so in the last response, or does not.
func CloseAfter(p Proto, n int64, says bool) Fault {
	how := "silently"
	if says {
		how = "said"
	}
	return Fault{
		Name:  fmt.Sprintf("close after %d %s %s", n, how, p),
		Proto: p,
		serve: func(e *exchange) {
			if e.nth >= n {
				if says {
					e.Header().Set("Connection", "close")
				}
				e.conn.doomed.Store(true)
			}
			e.answer()
		},
	}
}
