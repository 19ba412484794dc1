package badserver_test

import (
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
)

func TestSwallowAnswersNothingOnAForgottenConnection(t *testing.T) {
	t.Parallel()
	if why := testserver.CannotSwallow(); why != "" {
		t.Skip(why)
	}
	for _, p := range []badserver.Proto{badserver.Plain, badserver.TLS, badserver.HTTP2} {
		silent := 20 * time.Second
		if p == badserver.HTTP2 { // goes on with the connection, until it is reset
			silent = time.Second
		}
		c := start(t, badserver.Swallow(p, 1, silent))
		if _, err := c.do(t, 0, 10); err != nil {
			t.Fatal(err)
		}
		eventually.True(t, "the connection to be forgotten", func() bool { return c.server.Swallowed() == 1 })
		c.Timeout = 50 * time.Millisecond
		if failed := c.errorsOf(t, 1, 0, 10); len(failed) != 1 || c.server.Swallowed() != 1 {
			t.Errorf("%s: %v failed, %d connections are forgotten", p, failed, c.server.Swallowed())
		}
		c.Timeout = 0
		if failed := c.errorsOf(t, 1, 0, 10); len(failed) > 0 && p != badserver.HTTP2 {
			t.Errorf("%s: %v failed on a new connection", p, failed)
		}
	}
}
