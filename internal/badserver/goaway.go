package badserver

import "fmt"

// GoAway sends GOAWAY with every n-th request of an HTTP/2 connection, while
// other requests are in flight on it or on their way.
func GoAway(n int64) Fault {
	return Fault{
		Name:  fmt.Sprintf("goaway every %d h2", n),
		Proto: HTTP2,
		serve: func(e *exchange) {
			if e.nth%n == 0 {
				// By this header net/http's server is asked for a GOAWAY.
				e.Header().Set("Connection", "close")
			}
			e.answer()
		},
	}
}
