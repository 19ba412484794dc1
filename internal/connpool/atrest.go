package connpool

import (
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// atRest says why a connection is lost that no exchange had, or of which none can
// tell. net/http's own words on it are Err; the socket has seen who ended it.
//
// Unknown is left where neither has a word: a connection of a TLS dialer of the
// program's own, whose socket can't be seen, and a peer that vanished without one.
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

// atRestHTTP2 is atRest over HTTP/2, where Err only says that it is closed.
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
		return loss.GoAway // which came before the last response did
	case !c.toldLast():
		return loss.ConnError // the program itself has closed it
	case c.raw.farewell.Load():
		return loss.GoAway // net/http was told to
	}
	return loss.ProtocolError // of what was read net/http could make nothing
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
	// If the server has ended c in order and in one piece with a response, that is taken
	// for one. RFC 9113 has it send a GOAWAY before, and nginx sends it in the record of
	// the last response, where TLS hides it. If exchanges are cut short, they say so.
	return c.raw.inOne.Load()
}

// toldLast reports whether something came on c since it became idle, and that right
// before its end.
func (c *Conn) toldLast() bool {
	return c.raw.said.Load() > c.saidIdle && c.raw.endedAt.Load()-c.raw.readAt.Load() < int64(farewellMost)
}

// farewellMost is how long behind a GOAWAY the end of the connection may be seen. Net/http
// ends an idle one at once, or the server does.
const farewellMost = 10 * time.Millisecond
