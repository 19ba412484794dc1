package connpool

import (
	"errors"
	"net/http/httptrace"

	"github.com/warmconn/warmconn/internal/loss"
)

// What net/http tells PutIdleConn where it does not keep a connection. The errors are
// not exported; their texts have not changed since Go 1.7.
var (
	errCloseIdle       = errors.New("http: putIdleConn: CloseIdleConnections was called")
	errTooManyIdleHost = errors.New("http: putIdleConn: too many idle connections for host")
)

// tellRefusal returns a copy of t with another PutIdleConn. Net/http calls that by itself:
// it takes back every connection of a Pool's, and would tell the hook so where the Pool
// then refuses it.
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

// refusal is why the Pool is about to refuse the exchange's connection; nil if it is
// not. It is asked on net/http's goroutine, before the caller sees the body's end.
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
