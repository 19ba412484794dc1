package pool_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// sights counts the things that happened to requests and connections.
type sights struct {
	mu      sync.Mutex
	n       map[string]int
	classes map[string]int    // of outcomes
	sent    map[string]uint64 // by kit
}

func newSights() *sights {
	return &sights{n: make(map[string]int), classes: make(map[string]int), sent: make(map[string]uint64)}
}

func (s *sights) add(what string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n[what] += n
}

// request counts a request, by its caller.
func (s *sights) request(kit string, p *plan, class string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[kit]++
	s.classes[class]++
	if !strings.HasPrefix(class, classOK) {
		return
	}
	if p.ending == readsAll && p.op != opHead && p.size > 0 {
		s.n["bodies read to their end"]++
		if p.gzip {
			s.n["compressed bodies read to their end"]++
		}
	}
	if p.upload > 0 {
		s.n["uploads, checked by the server"]++
		if p.gzip {
			s.n["compressed uploads, checked by the server"]++
		}
	}
}

// exchange counts an exchange, as the kit tells of it.
func (s *sights) exchange(e *roundtripper.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n["exchanges"]++
	if e.Reused {
		s.n["on a reused connection"]++
	}
	how := ", by Close"
	if e.Background {
		how = ", in the background"
	}
	switch e.Outcome {
	case roundtripper.OutcomeDrained:
		s.n["drained"+how]++
	case roundtripper.OutcomeGaveUp, roundtripper.OutcomeTimedOut:
		s.n["drains given up"+how]++
	case roundtripper.OutcomeCanceled:
		s.n["canceled"]++
	}
	switch e.Outcome {
	case roundtripper.OutcomeDrained, roundtripper.OutcomeGaveUp, roundtripper.OutcomeTimedOut, roundtripper.OutcomeSkipped, roundtripper.OutcomeClosed:
		s.n["closed early"]++
	}
}

// stats counts the connections of a kit.
func (s *sights) stats(stats pool.Stats) {
	for reason, n := range stats.Lost {
		s.add("connections lost: "+string(reason), int(n))
	}
	s.add("connections", int(stats.Opened))
}

// mixed is how many responses had a byte of another one.
func (s *sights) mixed() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for class, count := range s.classes {
		if strings.Contains(class, classMixed) {
			n += count
		}
	}
	return n
}

// judge fails if bytes were mixed, or if something did not happen that the test is about.
func (s *sights) judge(t *testing.T) {
	t.Helper()
	if n := s.mixed(); n > 0 {
		t.Errorf("%d responses had bytes of others", n)
	}
	must := []string{
		"on a reused connection",
		"bodies read to their end", "compressed bodies read to their end",
		"uploads, checked by the server", "compressed uploads, checked by the server",
		"closed early", "drained, by Close", "drained, in the background", "canceled",
		"connections lost: max_age", "connections lost: max_requests",
		"connections lost: conn_error", "connections lost: canceled", "connections lost: timeout",
		"connections lost: server_closed_idle", "connections lost: goaway",
	}
	if fullsize.Asked() && !raceEnabled && !testing.Short() { // too rare for fewer requests
		must = append(must, "drains given up, by Close", "drains given up, in the background", "sent again, by net/http or the kit")
	}
	if testserver.CannotSwallow() == "" {
		must = append(must, "paths that died", "connections lost: dead")
	}
	if n := s.n["failed at good servers"]; n > 0 {
		t.Errorf("%d requests failed at servers that do nothing wrong", n)
	}
	for _, what := range must {
		if s.n[what] == 0 {
			t.Errorf("it did not happen: %s", what)
		}
	}
	for class, n := range s.classes {
		if foreign(class) {
			t.Errorf("%d requests ended as with net/http none does: %s", n, class)
		}
	}
}

// summary is one line.
func (s *sights) summary() string {
	return fmt.Sprintf("%d bodies read to their end and %d uploads compared; %d closed early (drained %d by Close, %d in the background), %d canceled, %d paths that died; connections lost %d max_age, %d max_requests, %d dead, %d conn_error",
		s.n["bodies read to their end"], s.n["uploads, checked by the server"], s.n["closed early"], s.n["drained, by Close"], s.n["drained, in the background"], s.n["canceled"], s.n["paths that died"],
		s.n["connections lost: max_age"], s.n["connections lost: max_requests"], s.n["connections lost: dead"], s.n["connections lost: conn_error"])
}

func (s *sights) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(s.n)) {
		fmt.Fprintf(&b, "%10d %s\n", s.n[what], what)
	}
	for _, class := range slices.Sorted(maps.Keys(s.classes)) {
		fmt.Fprintf(&b, "%10d requests: %s\n", s.classes[class], class)
	}
	return b.String()
}
