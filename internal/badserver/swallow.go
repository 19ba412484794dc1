package badserver

import (
	"fmt"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// Swallow has the network forget an idle connection in oneIn, once the connection has served a
// request: what the client sends from then on is neither acknowledged nor answered. After the
// silence, which should be longer than the client's deadlines, the server resets it. It
// needs Linux: see testserver.CannotSwallow.
func Swallow(p Proto, oneIn int, silence time.Duration) Fault {
	return Fault{
		Name:  fmt.Sprintf("swallow %s", p),
		Proto: p,
		idle: func(c *conn) {
			// Over HTTP/2 a connection is idle before its first request, too.
			if c.uses.Load() == 0 || c.dice().IntN(oneIn) != 0 || testserver.Swallow(c.TCPConn) != nil {
				return
			}
			c.server.swallowed.Add(1)
			time.AfterFunc(silence, c.reset)
		},
	}
}

// Swallowed is how many connections were forgotten.
func (s *Server) Swallowed() int { return int(s.swallowed.Load()) }
