package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/warmconn/warmconn/roundtripper"
)

// A verdict is what a server has shown in a situation.
type verdict struct {
	server    string
	situation *situation
	troubles  int
	tallies   []*tally // of each client; the kit is the last
}

func (v *verdict) kit() *tally { return v.tallies[len(v.tallies)-1] }

// classes are what clients have met in all runs of a row.
type classes struct {
	bare map[string]bool
	kit  map[string]int
}

// add notes the classes of the row's run.
func (c *classes) add(v *verdict) {
	for _, t := range v.tallies {
		for class, n := range t.outcomes {
			if v.situation.trouble == kill && (class == "body: unexpected EOF" || class == "body: "+lost) {
				class = lost // a server that dies does so under a header or under a body: that is by chance
			}
			if t == v.kit() {
				c.kit[class] += n
			} else {
				c.bare[class] = true
			}
		}
	}
}

// foreign are those that the kit has met and bare net/http has not.
func (c *classes) foreign() (found []string) {
	for class, n := range c.kit {
		if !c.bare[class] {
			found = append(found, fmt.Sprintf("the kit has %d times %q, which bare net/http never has", n, class))
		}
	}
	slices.Sort(found)
	return found
}

// broken are the other rules that do not hold.
func (v *verdict) broken() (found []string) {
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, t := range v.tallies {
		v.connections(t, report)
	}
	v.failures(report)
	v.reasons(report)
	return found
}

// connections are the rules of what the server's log says.
func (v *verdict) connections(t *tally, report func(string, ...any)) {
	if t.strangers > 0 {
		report("%s: the log has %d connections that were not dialed", t.who, t.strangers)
	}
	if t.elsewhere > 0 {
		report("%s: %d requests are on another connection by the log", t.who, t.elsewhere)
	}
	lost := v.troubles * v.situation.loses
	if t.unlogged > lost {
		report("%s: the log has not %d connections that requests were answered on, at most %d may be lost", t.who, t.unlogged, lost)
	}
	if t.missing > lost {
		report("%s: the log has not %d requests that were answered, at most %d may be lost", t.who, t.missing, lost)
	}
	// The log has them in the order of their ends, which over HTTP/2 is not that of
	// their begins; and a connection's first one may have failed.
	if v.situation.conf.H2 {
		if d := t.reused - t.reusedLog; max(d, -d) > t.failed+lost {
			report("%s: %d requests reused a connection, %d by the log", t.who, t.reused, t.reusedLog)
		}
	} else if t.disputed > lost {
		report("%s: of %d requests the log says the other of whether their connection was new", t.who, t.disputed)
	}
}

// failures is the rule of how many there are: the kit may not have more than the worse of the
// two bare clients, but for chance. They come in bunches, as a server ends all its connections
// at once: so the bound is wider than that of single events.
func (v *verdict) failures(report func(string, ...any)) {
	most := 0
	for _, t := range v.tallies[:len(v.tallies)-1] {
		most = max(most, t.failed)
	}
	n := v.kit().failed
	if float64(n) > float64(most)+4*math.Sqrt(float64(n+most))+9 {
		report("the kit has %d failures, bare net/http at most %d", n, most)
	}
}

// reasons are the rules of what the kit says itself.
func (v *verdict) reasons(report func(string, ...any)) {
	t := v.kit()
	if int(t.stats.Opened) != t.dialed {
		report("the pool counts %d connections, the dialer %d", t.stats.Opened, t.dialed)
	}
	if t.stats.Open != 0 || t.stats.InUse != 0 {
		report("%d connections are open at the end, %d requests in flight", t.stats.Open, t.stats.InUse)
	}
	for reason, exchanges := range t.newFor {
		if reason == roundtripper.ReasonConnError && t.failed > 0 {
			continue
		}
		if !slices.Contains(anywhere, reason) && !slices.Contains(v.situation.permits, reason) {
			report("%d connections are new for %s, which can't be: %v", len(exchanges), reason, exchanges[0])
		}
	}
	if unknown := t.newFor[roundtripper.ReasonUnknown]; len(unknown)*1000 > t.new() {
		report("%d of %d new connections for a reason that is unknown: %v", len(unknown), t.new(), unknown[0])
	}
	if len(t.misjudged) > 0 && !v.situation.conf.H2 {
		report("of %d exchanges the loss is not what the response's Connection says: %v", len(t.misjudged), t.misjudged[0])
	}
}

// new is how many exchanges had a new connection.
func (t *tally) new() (n int) {
	for _, exchanges := range t.newFor {
		n += len(exchanges)
	}
	return n
}
