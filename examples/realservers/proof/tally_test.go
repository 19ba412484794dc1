package main

import (
	"strings"
	"testing"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// seen is a client that has sent six requests: three on its first connection, two
// on its second, and one that failed there.
func seen() *client {
	c := &client{name: "kit", letter: "k", net: kitNet, pool: pool.New(pool.Options{})}
	c.tried.Store(3)
	c.dialed.Store(3)
	for i, conn := range []uint32{1, 1, 2, 1, 2, 2} {
		a := attempt{conn: c.address(conn).String(), answered: i != 5, failed: i == 5, reused: i != 0 && i != 2, outcome: "status 200"}
		if !a.reused {
			a.facts.NewReason = roundtripper.ReasonAllBusy
		}
		c.attempts = append(c.attempts, a)
	}
	c.attempts[5].outcome = lost
	return c
}

// logged is what a server writes of that.
const logged = `127.144.0.1 k0 200
127.144.0.1 k1 200
127.16.0.7 b0 200
127.144.0.2 k2 200
127.144.0.1 k3 200
127.144.0.3 -
127.144.0.2 k4 200`

func logOf(text string, c *client) *serverLog {
	l := newLog()
	for line := range strings.Lines(text) {
		l.add(strings.Fields(line), c)
	}
	return l
}

func TestTallyIsOfOneMindWithTheLog(t *testing.T) {
	c := seen()
	tunneled := strings.NewReplacer("127.144.0.1 k", "7 k", "127.144.0.2 k", "9 k").Replace(logged) + "\n127.144.0.1 -\n127.144.0.2 -"
	for name, text := range map[string]string{"by addresses": logged, "by numbers, behind a proxy": tunneled} {
		got := tallyOf(c, logOf(text, c))
		if got.requests != 6 || got.failed != 1 || got.dialed != 3 || got.used != 2 || got.usedLog != 2 || got.reused != 3 || got.reusedLog != 3 {
			t.Errorf("%s: tally = %+v", name, got)
		}
		if n := got.strangers + got.unlogged + got.missing + got.elsewhere + got.disputed; n != 0 {
			t.Errorf("%s: tally = %+v, and nothing is wrong", name, got)
		}
		if got.new() != 2 || got.outcomes["status 200"] != 5 || got.outcomes[lost] != 1 {
			t.Errorf("%s: %d new, outcomes %v", name, got.new(), got.outcomes)
		}
	}
}

func TestTallySeesWhatTheLogSaysOtherwise(t *testing.T) {
	tests := []struct {
		name, old, new string
		count          func(*tally) int
	}{
		{"a connection that was not dialed", "127.16.0.7 b0", "127.144.0.9 -", func(t *tally) int { return t.strangers }},
		{"a request that is not in the log", "127.144.0.1 k3 200\n", "", func(t *tally) int { return t.missing }},
		{"a request on another connection", "127.144.0.1 k3", "127.144.0.2 k3", func(t *tally) int { return t.elsewhere }},
		{"the first request is another one", "127.144.0.1 k0 200\n127.144.0.1 k1", "127.144.0.1 k1 200\n127.144.0.1 k0", func(t *tally) int { return t.disputed / 2 }},
		{"a connection that is not in the log", "127.144.0.2 k2 200\n127.144.0.1 k3 200\n127.144.0.3 -\n127.144.0.2 k4 200", "", func(t *tally) int { return t.unlogged }},
		{"two connections that the client takes for one", "127.144.0.1 k3", "9 k3", func(t *tally) int { return t.elsewhere }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := seen()
			text := strings.Replace(logged, tt.old, tt.new, 1)
			if text == logged {
				t.Fatal("the log is as it was")
			}
			if got := tallyOf(c, logOf(text, c)); tt.count(got) != 1 {
				t.Errorf("tally = %+v, want one of these", got)
			}
		})
	}
}
