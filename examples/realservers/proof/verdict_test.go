package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// fine is a verdict of which all rules hold: 2000 new connections, two of them
// for reasons unknown.
func fine() *verdict {
	s := nginx.situation("requests")
	reasons := func(n int) []*roundtripper.Exchange {
		return slices.Repeat([]*roundtripper.Exchange{{}}, n)
	}
	kit := &tally{
		who: "kit", dialed: 2001, outcomes: map[string]int{"status 200": 9, lost: 1},
		newFor: map[roundtripper.NewReason][]*roundtripper.Exchange{
			roundtripper.ReasonServerClose: reasons(1998), roundtripper.ReasonUnknown: reasons(2),
		},
		stats: pool.Stats{Opened: 2001},
	}
	return &verdict{server: "nginx", situation: &s, tallies: []*tally{
		{who: "bare", outcomes: map[string]int{"status 200": 10}},
		{who: "reads all", outcomes: map[string]int{"status 200": 9, lost: 1}},
		kit,
	}}
}

func TestVerdictFindsEachBrokenRule(t *testing.T) {
	tests := []struct {
		name   string
		change func(v *verdict, kit *tally)
		want   string // empty: no rule is broken
	}{
		{"nothing", func(*verdict, *tally) {}, ""},
		{"an error of its own", func(_ *verdict, k *tally) { k.outcomes["use of closed network connection"] = 3 }, `3 times "use of closed`},
		{"a status of its own", func(_ *verdict, k *tally) { k.outcomes["status 502"] = 1 }, `1 times "status 502"`},
		{"bare has a stranger", func(v *verdict, _ *tally) { v.tallies[0].strangers = 1 }, "bare: the log has 1 connections that were not dialed"},
		{"elsewhere", func(_ *verdict, k *tally) { k.elsewhere = 1 }, "on another connection"},
		{"unlogged", func(_ *verdict, k *tally) { k.unlogged = 1 }, "the log has not 1 connections"},
		{"missing", func(_ *verdict, k *tally) { k.missing = 1 }, "the log has not 1 requests"},
		{"missing by a killed process", func(v *verdict, k *tally) {
			v.situation.loses, v.troubles, k.missing = 8, 1, 8
		}, ""},
		{"disputed", func(_ *verdict, k *tally) { k.disputed = 1 }, "the log says the other"},
		{"reuse over HTTP/2", func(v *verdict, k *tally) { v.situation.conf.H2, k.reused = true, 1 }, "1 requests reused a connection, 0 by the log"},
		{"the pool's count", func(_ *verdict, k *tally) { k.stats.Opened-- }, "the pool counts 2000 connections, the dialer 2001"},
		{"left open", func(_ *verdict, k *tally) { k.stats.Open = 1 }, "1 connections are open"},
		{"left in flight", func(_ *verdict, k *tally) { k.stats.InUse = 1 }, "1 requests in flight"},
		{"a reason that can't be", func(_ *verdict, k *tally) { k.newFor[roundtripper.ReasonMaxAge] = k.newFor[roundtripper.ReasonUnknown] }, "new for max_age"},
		{"conn_error without an error", func(_ *verdict, k *tally) {
			k.newFor[roundtripper.ReasonConnError] = k.newFor[roundtripper.ReasonUnknown]
		}, "new for conn_error"},
		{"conn_error with an error", func(_ *verdict, k *tally) {
			k.failed, k.newFor[roundtripper.ReasonConnError] = 1, k.newFor[roundtripper.ReasonUnknown]
		}, ""},
		{"more failures", func(v *verdict, k *tally) { v.tallies[0].failed, k.failed = 50, 110 }, "the kit has 110 failures, bare net/http at most 50"},
		{"failures of its own", func(_ *verdict, k *tally) { k.failed = 32 }, "the kit has 32 failures, bare net/http at most 0"},
		{"failures of its own, by chance", func(_ *verdict, k *tally) { k.failed = 31 }, ""},
		{"more failures, by chance", func(v *verdict, k *tally) { v.tallies[1].failed, k.failed = 50, 95 }, ""},
		{"too many unknown", func(_ *verdict, k *tally) {
			k.newFor[roundtripper.ReasonUnknown] = append(k.newFor[roundtripper.ReasonUnknown], &roundtripper.Exchange{})
		}, "3 of 2001 new connections"},
		{"not what the header says", func(_ *verdict, k *tally) { k.misjudged = []*roundtripper.Exchange{{}} }, "of 1 exchanges the loss"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := fine()
			tt.change(v, v.kit())
			met := classes{bare: make(map[string]bool), kit: make(map[string]int)}
			met.add(v)
			got := append(met.foreign(), v.broken()...)
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
				t.Errorf("broken: %q, want %q", got, tt.want)
			}
		})
	}
}

func TestErrorIsForeignUntilBareHasItInALaterRun(t *testing.T) {
	met := classes{bare: make(map[string]bool), kit: make(map[string]int)}
	for i, want := range []int{1, 1, 0, 0} {
		v := fine()
		switch i {
		case 0:
			v.kit().outcomes["status 502"] = 1
		case 2:
			v.tallies[0].outcomes["status 502"] = 1
		}
		met.add(v)
		if got := met.foreign(); len(got) != want {
			t.Errorf("after %d runs foreign: %q, want %d", i+1, got, want)
		}
	}
}

func TestClassOfALostConnectionIsOneWhateverItsWords(t *testing.T) {
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, errors.New("http: server closed idle connection"), errors.New("use of closed network connection")} {
		wrapped := &url.Error{Op: "Get", URL: "http://127.0.0.1", Err: fmt.Errorf("readLoopPeekFailLocked: %w", err)}
		is := class(wrapped) == lost
		if want := err != io.ErrUnexpectedEOF && !strings.Contains(err.Error(), "use of closed"); is != want {
			t.Errorf("%v: class %q", err, class(wrapped))
		}
	}
}
