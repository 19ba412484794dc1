package faultlist

import (
	"slices"
	"time"
)

// All are the faults, each with a name of its own.
func All() []Fault {
	return slices.Concat(connections(), headers(), bodies(), uploads(), redirects(), handshakes(), http2Connections(), http2Frames(), http2Bodies())
}

// hang is the deadline of requests that would wait for good. On a busy machine it may come
// before the fault does: it is the same error.
const hang = 40 * time.Millisecond

// long is that of requests of which only some would, as where a 304 has no body and the server
// none the less says how long it is: the others must have time on a busy machine, too.
const long = 10 * hang

// first is why the words for a lost connection may differ: the reader of the connection
// may see its end first, or the writer, or whoever is about to use it.
const first = "who sees the connection's end first is by chance"

// then is a step behind what was said.
type then func(*Conn)

func goesOn(*Conn)       {}
func closes(c *Conn)     { c.Close() }
func cuts(c *Conn)       { c.Cut() }
func resets(c *Conn)     { c.Reset() }
func halfCloses(c *Conn) { c.HalfClose() }
func waits(c *Conn)      { c.Wait() }

// says is a server that reads a request, and says this.
func says(text string, next then) func(*Conn) {
	return func(c *Conn) {
		c.Body()
		c.Say(text)
		next(c)
	}
}

const (
	ok      = "HTTP/1.1 {status}\r\n"
	sized   = ok + "Content-Length: 10\r\n\r\n"
	chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
)
