package main

import (
	"strconv"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A tally is what a client has seen, and what the server's log says of it.
type tally struct {
	who       string
	requests  int
	outcomes  map[string]int // of those that failed, by class, and of all others by status
	failed    int
	dialed    int // connections, by the dialer
	used      int // connections that answered requests were on, by the client
	usedLog   int // by the log
	strangers int // connections in the log that the client has not dialed
	unlogged  int // connections that answered requests were on, and that the log has not
	missing   int // answered requests that the log has not
	elsewhere int // answered requests that the log has on another connection
	reused    int // answered requests on a connection that had one before, by the client
	reusedLog int // by the log: those whose line is not the first of its connection
	disputed  int // answered requests of which the log says the other
	newFor    map[roundtripper.NewReason][]*roundtripper.Exchange
	misjudged []*roundtripper.Exchange // exchanges whose loss is not what the response's header says
	stats     pool.Stats               // the kit's
}

// tallyOf compares what the client has seen with the server's log.
func tallyOf(c *client, l *serverLog) *tally {
	t := &tally{
		who: c.name, requests: len(c.attempts), dialed: int(c.dialed.Load()),
		outcomes: make(map[string]int), newFor: make(map[roundtripper.NewReason][]*roundtripper.Exchange),
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
	used := make(map[string]bool)
	for i := range c.attempts {
		a := &c.attempts[i]
		t.count(a)
		if !a.answered {
			continue
		}
		if !used[a.conn] {
			used[a.conn] = true
			t.used++
			if !l.conns[a.conn] {
				t.unlogged++
			}
		}
		id := c.letter + strconv.Itoa(i)
		if isFirst, found := first[id]; found {
			t.reuse(a.reused, isFirst)
		} else if l.ids[id] {
			t.elsewhere++
		} else {
			t.missing++
		}
	}
	return t
}

// match finds the answered requests in the log, on the connections that the
// client says, and whether their lines are the first of their connections.
func (t *tally) match(c *client, l *serverLog) map[string]bool {
	first := make(map[string]bool)
	taken := make(map[string]bool)          // connections of the client's, each of which is one of the log's
	for _, conn := range l.longestFirst() { // of two that the client takes for one, the longer is its own
		ids := l.requests[conn]
		if !c.owns(conn) {
			conn = nameOf(c, ids)
		}
		if taken[conn] {
			continue
		}
		for i, id := range ids {
			if a := c.attempt(id); a != nil && a.answered && a.conn == conn {
				taken[conn] = true
				first[id] = i == 0
			}
		}
	}
	t.usedLog = len(taken)
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

func (t *tally) reuse(reused, isFirst bool) {
	if reused {
		t.reused++
	}
	if !isFirst {
		t.reusedLog++
	}
	if reused == isFirst {
		t.disputed++
	}
}

func (t *tally) count(a *attempt) {
	t.outcomes[a.outcome]++
	if a.failed {
		t.failed++
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
