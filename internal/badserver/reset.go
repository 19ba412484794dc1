package badserver

import "net/http"

// Reset resets the connection at one request in oneIn: before the request's body
// was read, before the response, within its header, within its body, or after
// it, when the client may have sent the next one. Over HTTP/2 all of the
// connection's streams are lost with it.
func Reset(p Proto, oneIn int) Fault {
	return Fault{
		Name:  "reset " + string(p),
		Proto: p,
		serve: func(e *exchange) {
			if e.dice.IntN(oneIn) != 0 {
				e.answer()
				return
			}
			switch at := e.dice.IntN(5); at {
			case 0: // before the request's body
			case 1:
				e.upload()
			case 2:
				e.upload()
				e.halfHeader()
			case 3:
				if e.upload() {
					e.respond(http.StatusOK, e.part())
					e.flush()
				}
			case 4:
				if e.upload() {
					e.respond(http.StatusOK, e.size)
					e.flush()
				}
			}
			e.conn.reset()
			e.abort()
		},
	}
}

// halfHeader writes the first bytes of a response. It does so over HTTP/1 without TLS alone:
// there they go onto the connection as they are.
func (e *exchange) halfHeader() {
	if e.server.fault.Proto == Plain {
		e.conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Le"))
	}
}
