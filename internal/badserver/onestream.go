package badserver

import "net/http"

// OneStream allows one stream at a time on an HTTP/2 connection.
func OneStream() Fault {
	return Fault{
		Name:   "one stream h2",
		Proto:  HTTP2,
		config: func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1} },
	}
}
