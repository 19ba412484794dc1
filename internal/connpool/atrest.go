package connpool

import (
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// atRest says why a connection is lost that no exchange had, or whose exchanges can't
// tell. Err has net/http's own words for it, and the socket has seen which side ended it.
//
// Unknown is left where both are silent: for a connection of a TLS dialer of the program's
// own, whose socket can't be seen, and for a peer that vanished.
func (c *Conn) atRest(now time.Time) loss.Reason {
	err := c.cc.Err()
	end := c.raw.ending()
	if c.http2 {
		why := c.atRestHTTP2(end, now)
		if why == loss.GoAway || why == loss.ServerClosedIdle {
			c.closedIdleLocked(now)
		}
		return why
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case errors.Is(err, errUnasked), strings.HasSuffix(text, "%!w(<nil>)"):
		return loss.ProtocolError // bytes that no request had asked for
	case end == byOthers, end == open && c.raw != nil && c.raw.closing.Load() && c.raw.read.Load() == c.readIdle:
		return loss.ConnError // the program itself has closed it, or set a deadline
	case text == serverClosedIdle:
		// Also a 408, by which a server announces it.
		c.closedIdleLocked(now)
		return loss.ServerClosedIdle
	case errors.Is(err, syscall.ECONNRESET), end == byPeer:
		return loss.ServerClosedIdle
	}
	return loss.Unknown
}

// atRestHTTP2 is atRest over HTTP/2, where Err only says that the connection is closed.
func (c *Conn) atRestHTTP2(end ending, now time.Time) loss.Reason {
	switch {
	case c.sawGoAway, end == byPeer && c.peerWentAway():
		return loss.GoAway
	case end == byPeer:
		return loss.ServerClosedIdle
	case end == byOthers:
		return loss.ConnError
	case c.raw == nil:
		return loss.Unknown
	case c.host.pool.pingTimeout > 0 && now.UnixNano()-c.raw.readAt.Load() >= int64(c.host.pool.pingTimeout) &&
		c.raw.silent(now) >= c.host.pool.pingTimeout/2: // the ping, for about as long
		return loss.Dead // net/http has closed it by itself: its ping was not answered
	case c.state != idle:
		return loss.GoAway // the GOAWAY came before the last response did
	case !c.toldLast():
		return loss.ConnError // the program itself has closed it
	case c.raw.farewell.Load():
		return loss.GoAway // which is why net/http has closed it
	}
	return loss.ProtocolError // net/http could not parse what it read
}

// peerWentAway reports whether the server has sent a GOAWAY before it ended c, as far as the
// wire shows it.
func (c *Conn) peerWentAway() bool {
	switch {
	case c.state == idle:
		return c.raw.farewell.Load() && c.toldLast()
	case c.raw.plain:
		return c.raw.farewell.Load()
	}
	// A server that ended c in good order, in one piece with a response, is taken to have
	// sent one: RFC 9113 asks for a GOAWAY before the end, and nginx sends it in the record
	// of the last response, where TLS hides it. Exchanges that were cut short say so
	// themselves.
	return c.raw.inOne.Load()
}

// toldLast reports whether something came on c since it became idle, right before its end.
func (c *Conn) toldLast() bool {
	return c.raw.said.Load() > c.saidIdle && c.raw.endedAt.Load()-c.raw.readAt.Load() < int64(farewellMost)
}

// farewellMost is the most time from a GOAWAY to the end of the connection. Net/http ends
// an idle connection at once, or the server does.
const farewellMost = 10 * time.Millisecond
