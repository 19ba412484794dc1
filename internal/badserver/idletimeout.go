package badserver

import (
	"net/http"
	"time"
)

// IdleTimeout ends an HTTP/2 connection that was idle for d, about as long as
// the pauses between requests are: GOAWAY and the next stream cross.
func IdleTimeout(d time.Duration) Fault {
	return Fault{
		Name:   "idle time-out h2",
		Proto:  HTTP2,
		config: func(s *http.Server) { s.IdleTimeout = d },
	}
}
