package badserver

import (
	"net/http"
	"time"
)

// Slow writes some responses in drips, and falls silent before or within others for the
// given time, which should be longer than the client's time-out.
func Slow(p Proto, silence time.Duration) Fault {
	return Fault{
		Name:  "slow " + string(p),
		Proto: p,
		serve: func(e *exchange) {
			if !e.upload() {
				return
			}
			switch e.dice.IntN(10) {
			case 0, 1:
				e.drip()
			case 2:
				e.pause(silence)
				e.respond(http.StatusOK, e.size)
			case 3:
				e.begin(http.StatusOK)
				at := e.part()
				e.write(0, at)
				e.flush()
				e.pause(silence)
				e.write(at, e.size)
			default:
				e.respond(http.StatusOK, e.size)
			}
		},
	}
}

// drip writes the body in up to ten pieces.
func (e *exchange) drip() {
	e.begin(http.StatusOK)
	step := max(e.size/10, 1)
	for at := int64(0); at < e.size; at += step {
		e.write(at, min(at+step, e.size))
		e.flush()
		e.pause(time.Duration(e.dice.Int64N(int64(500 * time.Microsecond))))
	}
}
