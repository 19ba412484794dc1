package poolz

import (
	"fmt"
	"testing"
	"time"

	"github.com/warmconn/warmconn/pool"
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
