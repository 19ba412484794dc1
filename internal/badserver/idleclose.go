package badserver

import "time"

// IdleClose closes an idle connection after a random time up to longest, mostly
// while the next request is under way; and one in 20 at the very moment of use,
// when the request has come and was not read.
func IdleClose(p Proto, longest time.Duration) Fault {
	return Fault{
		Name:  "idle close " + string(p),
		Proto: p,
		idle: func(c *conn) {
			if d := c.dice(); d.IntN(4) == 0 {
				c.closeIdle(time.Duration(d.Int64N(int64(longest))))
			}
		},
		used: func(c *conn) bool { return c.dice().IntN(20) == 0 },
	}
}
