package badserver

import (
	"fmt"
	"net/http"
	"strconv"
)

// Mixed gives one response in oneIn something of another one: the ID in its header; the labels from
// some place on; or it leaves a label out. It is for tests of what looks for such bytes.
func Mixed(p Proto, oneIn int) Fault {
	return Fault{
		Name:  fmt.Sprintf("mixed %s", p),
		Proto: p,
		serve: func(e *exchange) {
			if e.dice.IntN(oneIn) != 0 || !e.upload() {
				e.answer()
				return
			}
			e.server.mixed.Add(1)
			how, at := e.dice.IntN(3), e.part()
			if e.size < 2*blockSize || e.r.Method == http.MethodHead {
				how = 0
			}
			switch how {
			case 0:
				e.r.Header.Set(IDHeader, strconv.FormatUint(e.id^1, 16))
				e.respond(http.StatusOK, e.size)
			case 1:
				e.respond(http.StatusOK, at)
				e.id ^= 1
				e.write(at, e.size)
			case 2:
				e.size -= blockSize
				at = min(at, e.size) / blockSize * blockSize
				e.respond(http.StatusOK, at)
				e.write(at+blockSize, e.size+blockSize)
			}
		},
	}
}

// Mixes is how many responses had something of another one.
func (s *Server) Mixes() int { return int(s.mixed.Load()) }
