package main

import (
	"errors"
	"io"
	"strings"
	"syscall"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// lost is the class of a connection that the server has ended under a request.
// Which words net/http has for that depends on which of its goroutines sees the
// end first, and on how far the request was: that is by chance.
const lost = "connection lost"

// class is what errors are compared by. A body that broke off is another class
// than a request without a response.
func class(err error) string {
	for _, end := range []error{io.EOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return lost
		}
	}
	text := child.Class(err)
	for _, part := range []string{"server closed idle connection", "client connection lost", "GOAWAY", "client connection force closed"} {
		if strings.Contains(text, part) {
			return lost
		}
	}
	return text
}
