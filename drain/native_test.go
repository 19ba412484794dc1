package drain_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestRestIsLeftToNetHTTPKnowingly: the rest of the body would take longer than a new
// connection, but net/http, from Go 1.27 on, still reads it in the background.
func TestRestIsLeftToNetHTTPKnowingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 64 << 10
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			io.WriteString(w, strings.Repeat("x", size/2))
			w.(http.Flusher).Flush()
			time.Sleep(25 * time.Millisecond) // a connection is taken to cost 10 ms, and net/http drains for 50
			io.WriteString(w, strings.Repeat("x", size/2))
		}), testserver.Options{Memory: true})
		defer srv.Close()
		l := &late{Server: srv}
		client, _, p, ends := l.client(t, drain.Options{}, pool.Options{})
		for range 2 { // it learns the rate
			resp := get(t, client, srv.URL)
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			<-ends
		}
		opened := srv.Opened()
		get(t, client, srv.URL).Body.Close()
		e := <-ends
		lost := roundtripper.ReasonBodyUnread
		if nativeDrain {
			lost = roundtripper.ReasonDraining // it may come back yet
		}
		if e.Outcome != "skipped" || e.Skipped != "too_slow" || e.LostReason != lost {
			t.Fatalf("%+v", e)
		}
		// Either the connection comes back, or it is closed.
		eventually.True(t, "either", func() bool {
			s := p.Stats()
			return s.Idle == s.Open && (!nativeDrain || s.Idle > 0)
		})
		resp := get(t, client, srv.URL)
		resp.Body.Close()
		e = <-ends
		if e.Reused != nativeDrain || (srv.Opened() == opened) != nativeDrain {
			t.Errorf("reused %v, %d connections more; net/http drains: %v", e.Reused, srv.Opened()-opened, nativeDrain)
		}
	})
}

// TestRestThatIsLateIsLeftToNetHTTP: a drain that has spent its time on a body of
// known length does not break it off where net/http, from Go 1.27 on, reads on in the
// background.
func TestRestThatIsLateIsLeftToNetHTTP(t *testing.T) {
	for try := range 10 { // the machine may be too busy for net/http's 50 ms
		back := restThatIsLate(t)
		switch {
		case back && !nativeDrain:
			t.Fatal("the connection came back, though nothing drains it")
		case back || !nativeDrain:
			return
		}
		t.Logf("try %d: the connection was closed", try)
	}
	t.Error("the connection never comes back")
}

// restThatIsLate closes a body of which a part comes when the drain's time is over,
// and the rest when Close has returned. It reports whether the connection comes back.
func restThatIsLate(t *testing.T) bool {
	const parts, size = 3, 8 << 10
	next := make(chan struct{}, parts)
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(parts*size))
		for i := range parts {
			if i > 0 {
				<-next
			}
			io.WriteString(w, strings.Repeat("x", size))
			w.(http.Flusher).Flush()
		}
	}), testserver.Options{})
	defer srv.Close()
	l := &late{Server: srv}
	client, _, p, ends := l.client(t, drain.Options{}, pool.Options{})
	// C is measured by the first dial, some 100 µs; a drain gets 1 ms at least.
	time.AfterFunc(10*time.Millisecond, func() { next <- struct{}{} })
	get(t, client, srv.URL).Body.Close()
	e := <-ends
	next <- struct{}{}
	if e.Outcome != "timed_out" {
		t.Fatalf("%+v", e)
	}
	var back bool
	eventually.True(t, "the end of the drain", func() bool {
		s := p.Stats()
		back = s.Idle > 0
		return s.Idle == s.Open
	})
	return back
}

// TestGivingUpLeavesNothingToNetHTTP: net/http's own drain does not read an endless body for
// another 50 ms.
func TestGivingUpLeavesNothingToNetHTTP(t *testing.T) {
	gone := make(chan time.Time, 1)
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		gone <- time.Now()
	}), testserver.Options{})
	defer srv.Close()
	for name, o := range map[string]drain.Options{
		"adaptive": {}, "fixed": {Policy: drain.Fixed, MaxTime: time.Millisecond}, "never": {Policy: drain.Never},
	} {
		t.Run(name, func(t *testing.T) {
			best := time.Hour // of some, for the machine may be busy
			for range 10 {
				client, next := observed(srv, o)
				resp := get(t, client, srv.URL)
				resp.Body.Close()
				closed := time.Now()
				best = min(best, (<-gone).Sub(closed))
				if e := next(); e.Returned || e.LostReason != "body_unread" {
					t.Errorf("%+v", e)
				}
			}
			if best > 25*time.Millisecond {
				t.Errorf("the connection was closed %v after Close", best)
			}
		})
	}
}
