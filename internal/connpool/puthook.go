package connpool

import (
	"errors"
	"net/http/httptrace"

	"github.com/warmconn/warmconn/internal/loss"
)

// Net/http calls PutIdleConn with one of these errors for a connection that it does not
// keep. They are not exported; their texts have not changed since Go 1.7.
var (
	errCloseIdle       = errors.New("http: putIdleConn: CloseIdleConnections was called")
	errTooManyIdleHost = errors.New("http: putIdleConn: too many idle connections for host")
)

// tellRefusal returns a copy of t with another PutIdleConn. Net/http calls that hook by
// itself, and always with a nil error, for it takes back every connection of a Pool's. The
// Pool may refuse the connection after that.
func (e *Entry) tellRefusal(t *httptrace.ClientTrace) *httptrace.ClientTrace {
	put, own := t.PutIdleConn, *t
	own.PutIdleConn = func(err error) {
		if err == nil {
			err = e.refusal()
		}
		put(err)
	}
	return &own
}

// refusal is why the Pool is about to refuse the exchange's connection; nil if it will keep
// it. It runs on net/http's goroutine, before the caller sees the body's end.
func (e *Entry) refusal() error {
	c := e.conn
	if c == nil || c.http2 {
		return nil
	}
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.user != e.id || c.state != active && !(c.state == draining && c.streams > 0) {
		// net/http has drained it behind the exchange, and the Pool has decided.
		if c.user == e.id && (c.state == closing || c.state == closed) && c.lost != nil {
			switch c.lost.Reason {
			case loss.ClosedIdle:
				return errCloseIdle
			case loss.IdleLimit:
				return errTooManyIdleHost
			}
		}
		return nil
	}
	switch {
	case h.pool.keepsNone():
		return errCloseIdle
	case c.route.waiters.all.Len() == 0 && h.idleFullLocked():
		return errTooManyIdleHost
	}
	return nil
}
