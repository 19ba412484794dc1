package main

import (
	"strconv"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A tally is what a client has seen, and what the server's log says of it.
type tally struct {
	who                string
	requests, answered int
	outcomes           map[string]int // of those that failed, by class, and of all others by status
	failed             int
	dialed             int // connections, by the dialer
	logged             int // connections, by the server's log
	lines              int // answered requests that the log has, on the connection that the client says
	elsewhere          int // answered requests that the log has on another connection
	missing            int // answered requests that the log has not
	strangers          int // connections in the log that the client has not dialed
	reused             int // answered requests on a connection that had one before, by the client
	reusedLog          int // by the log: those whose line is not the first of its connection
	disputed           int // answered requests of which the log says the other
	newFor             map[roundtripper.NewReason][]*roundtripper.Exchange
	misjudged          []*roundtripper.Exchange // exchanges whose loss is not what the response's header says
	stats              pool.Stats               // the kit's
}

// silent is how many connections were dialed and had no request that the log knows.
func (t *tally) silent() int { return t.dialed - t.logged }

// tallyOf compares what the client has seen with the server's log.
func tallyOf(c *client, l *serverLog) *tally {
	t := &tally{
		requests: len(c.attempts), dialed: int(c.dialed.Load()), logged: len(l.conns),
		who: c.name, outcomes: make(map[string]int), newFor: make(map[roundtripper.NewReason][]*roundtripper.Exchange),
	}
	if c.pool != nil {
		t.stats = c.pool.Stats()
	}
	dials := make(map[string]bool)
	for n := range c.tried.Load() {
		dials[c.address(n+1).String()] = true
	}
	for conn := range l.conns {
		if !dials[conn] {
			t.strangers++
		}
	}
	first := t.match(c, l)
	for i := range c.attempts {
		a := &c.attempts[i]
		t.count(a)
		if !a.answered {
			continue
		}
		isFirst, found := first[c.letter+strconv.Itoa(i)]
		switch {
		case !found:
			t.missing++
			continue
		case !isFirst:
			t.reusedLog++
		}
		if a.reused {
			t.reused++
		}
		if a.reused == isFirst {
			t.disputed++
		}
	}
	return t
}

// match finds the answered requests in the log, and says of each whether its
// line is the first of its connection.
func (t *tally) match(c *client, l *serverLog) map[string]bool {
	first := make(map[string]bool)
	taken := make(map[string]bool) // connections of the client's that the log's have been found to be
	for conn, ids := range l.requests {
		name := conn
		if !c.owns(conn) {
			name = nameOf(c, ids)
		}
		if taken[name] {
			t.elsewhere += len(ids)
		}
		taken[name] = true
		for i, id := range ids {
			a := c.attempt(id)
			switch {
			case a == nil || !a.answered:
			case a.conn == name:
				t.lines++
				first[id] = i == 0
			case len(l.conns) > 0 && !l.seen[[2]string{a.conn, id}] && c.owns(conn):
				t.elsewhere++
			case !c.owns(conn):
				t.elsewhere++
			}
		}
	}
	return first
}

// nameOf is what the client calls the connection that these requests were on.
func nameOf(c *client, ids []string) string {
	for _, id := range ids {
		if a := c.attempt(id); a != nil && a.answered {
			return a.conn
		}
	}
	return ""
}

func (t *tally) count(a *attempt) {
	t.outcomes[a.outcome]++
	if a.failed {
		t.failed++
	}
	if a.answered {
		t.answered++
	}
	x := &a.facts
	if x.NewReason != "" {
		t.newFor[x.NewReason] = append(t.newFor[x.NewReason], x)
	}
	// A connection whose response says that it ends is lost for that.
	if a.answered && !a.failed && a.closes != (x.LostReason == roundtripper.ReasonServerClose) {
		t.misjudged = append(t.misjudged, x)
	}
}
