package main

import (
	"errors"
	"time"

	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/internal/testserver"
)

const seed = 5

// faults are the hosts, of which about one in five misbehaves in no way. A path is dead for
// silence, and then reset: in a short run before requests have waited for it.
func faults(silence time.Duration) []badserver.Fault {
	const ms = time.Millisecond
	all := []badserver.Fault{
		badserver.Good(badserver.Plain),
		badserver.Good(badserver.TLS),
		badserver.Good(badserver.HTTP2),
		badserver.IdleClose(badserver.Plain, 10*ms),
		badserver.IdleClose(badserver.TLS, 10*ms),
		badserver.Reset(badserver.Plain, 50),
		badserver.Reset(badserver.HTTP2, 100),
		badserver.CloseAfter(badserver.Plain, 20, true),
		badserver.CloseAfter(badserver.TLS, 20, false),
		badserver.GoAway(50),
		badserver.OneStream(),
		badserver.Truncate(badserver.Plain, 50),
	}
	if testserver.CannotSwallow() == "" {
		all = append(all,
			badserver.Swallow(badserver.Plain, 200, silence),
			badserver.Swallow(badserver.HTTP2, 200, silence))
	}
	return append(all, badserver.Slow(badserver.Plain, 200*ms), badserver.Slow(badserver.HTTP2, 200*ms))
}

const (
	// good is how many of them, the first ones, do nothing wrong: there no request may fail.
	good = 3
	// slow is how many of them, the last ones, are slow: what requests to them take says nothing of
	// the client.
	slow = 2
)

// startServers starts one for each fault.
func startServers(silence time.Duration) (all []*badserver.Server, err error) {
	for _, f := range faults(silence) {
		s, failed := badserver.Start(f, seed)
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		all = append(all, s)
	}
	return all, err
}
