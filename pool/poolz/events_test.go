package poolz

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func happened(what, host string) (e event) {
	e.what, e.host = what, host
	return e
}

func TestWhatHappensAgainSoonIsOneEvent(t *testing.T) {
	var l eventLog
	l.seed = newViewer(newPool(t, pool.Options{})).events.seed
	for i := range 30 {
		l.add(happened(eventNew, "a"), 1, at(i))
	}
	l.add(happened(eventNew, "b"), 7, at(30))
	l.add(happened(eventNew, "a"), 1, at(50))
	var got string
	for _, e := range l.list("", eventsShown) {
		got += fmt.Sprintf("%s %d from %d to %d; ", e.host, e.n, e.first.Unix(), e.last.Unix())
	}
	if want := "a 1 from 50 to 50; b 7 from 30 to 30; a 30 from 0 to 29; "; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	if got := l.list("b", eventsShown); len(got) != 1 || got[0].n != 7 {
		t.Errorf("of one host: %+v", got)
	}
}

// What goes on is kept, and what has ended makes room.
func TestWhatGoesOnIsNotEvicted(t *testing.T) {
	var l eventLog
	for i := range 3 * eventsMost {
		l.add(happened(eventNew, "goes on"), 1, at(0))
		l.add(happened(eventNew, fmt.Sprint(i)), 1, at(0))
	}
	if got := l.list("goes on", eventsShown); len(got) != 1 || got[0].n != 3*eventsMost {
		t.Errorf("got %+v, want one event of %d times", got, 3*eventsMost)
	}
}

// figured is a sample of hosts, the last by name with the most traffic.
func figured(all pool.Counters, hosts ...pool.HostStats) *sample {
	s := &sample{at: at(1), stats: pool.Stats{Hosts: hosts, Counters: all}}
	for i := range hosts {
		hosts[i].Host, hosts[i].Requests = fmt.Sprintf("%05d", i), uint64(i+1)
	}
	s.rank(nil)
	return s
}

func (v *viewer) noted() (all []string) {
	for _, e := range v.events.all {
		all = append(all, fmt.Sprintf("%s %s %s %d", e.what, e.host, e.reason, e.n))
	}
	return all
}

// When one of several transports was collected, what it had closed is gone from the sum.
func TestAFallOfWhatWasClosedIsNoEvent(t *testing.T) {
	v := newViewer(newPool(t, pool.Options{}))
	closed := func(n uint64) *sample {
		return figured(pool.Counters{}, pool.HostStats{Lost: map[roundtripper.NewReason]uint64{"max_age": n}})
	}
	v.notice(closed(1000), closed(300))
	v.notice(closed(300), closed(302))
	if got, want := fmt.Sprint(v.noted()), "[connections_closed 00000 max_age 2]"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// Where more has happened than one sample may bring, what a person would look for is there.
func TestOfManyEventsThoseThatMatterAreTold(t *testing.T) {
	v := newViewer(newPool(t, pool.Options{}))
	const n = 1000
	before, now := make([]pool.HostStats, n), make([]pool.HostStats, n)
	for i := range now {
		now[i].Lost = map[roundtripper.NewReason]uint64{"max_age": 1}
	}
	now[3].QueueFull, now[700].Suspected, now[701].Shed = 5, 1, 2
	v.notice(figured(pool.Counters{}, before...), figured(pool.Counters{QueueFull: 5 + 9, Shed: 2}, now...))
	got := v.noted()
	want := []string{"refused  queue_full 9", "refused 00701 shed 2", "suspected 00700  1", "refused 00003 queue_full 5"}
	for i := n - 1; len(want) < noticedMost; i-- {
		want = append(want, fmt.Sprintf("connections_closed %05d max_age 1", i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q want %q", got, want)
	}
}

func TestTheLogIsBounded(t *testing.T) {
	var l eventLog
	l.seed = newViewer(newPool(t, pool.Options{})).events.seed
	for i := range 10 * eventsMost {
		l.add(happened(eventNew, fmt.Sprint(i)), 1, at(0))
	}
	if len(l.all) != eventsMost || len(l.byKey) != eventsMost {
		t.Errorf("%d events and %d keys, want %d", len(l.all), len(l.byKey), eventsMost)
	}
	if got := l.list("", eventsShown); len(got) != eventsShown {
		t.Errorf("%d are listed, want %d", len(got), eventsShown)
	}
}
