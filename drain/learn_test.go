package drain_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// mixed is a host with bodies of every kind.
func mixed(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/stream": // 40 KB of events, with pauses
		for range 10 {
			io.WriteString(w, strings.Repeat("x", 4000))
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	case "/watch": // never ends
		io.WriteString(w, strings.Repeat("x", 100))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/chunked": // all of it is there: header and body are one Write
		w.Header().Set("Transfer-Encoding", "chunked")
		io.WriteString(w, strings.Repeat("x", 100))
	case "/stuck": // of known length, and never ends
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	default:
		io.WriteString(w, strings.Repeat("x", 1000))
	}
}

// outcomes closes n bodies of the URL unread, and counts their outcomes.
func outcomes(t *testing.T, c *http.Client, ends chan roundtripper.Exchange, url string, n int) map[string]int {
	t.Helper()
	got := make(map[string]int)
	for range n {
		get(t, c, url).Body.Close()
		e := <-ends
		got[strings.TrimSpace(fmt.Sprint(e.Outcome, " ", e.Skipped))]++
	}
	return got
}

// TestStreamsSayNothingOfTheNetwork: the pauses in a stream are the server program's. The
// drain learns nothing from them, neither above nor below foreign middleware.
func TestStreamsSayNothingOfTheNetwork(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(mixed), testserver.Options{})
	defer srv.Close()
	pass := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Layer(next, func(r *http.Request) (*http.Response, error) { return next.RoundTrip(r) })
	}
	for _, apart := range []bool{false, true} {
		t.Run(fmt.Sprintf("apart=%v", apart), func(t *testing.T) {
			l := &late{Server: srv}
			c, _, _, ends := l.client(t, drain.Options{}, pool.Options{})
			if apart {
				c.Transport = drain.New(drain.Options{}).Middleware(pass(c.Transport))
			}
			for range 3 {
				resp := get(t, c, srv.URL+"/stream")
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				<-ends
			}
			got := outcomes(t, c, ends, srv.URL, 200)
			// Where the other side drains, this one sees its body read. A busy machine has
			// no time for some; a drainer that has learned something false drains next to none.
			if got["skipped too_slow"] > 0 || got["drained"]+got["eof"] < 120 {
				t.Errorf("%v, want most drained", got)
			}
		})
	}
}

// TestWhatIsInTheBufferIsFree: streams that never end stop the drain for a host, but a body
// that has arrived with its header is still drained.
func TestWhatIsInTheBufferIsFree(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(mixed), testserver.Options{})
	defer srv.Close()
	l := &late{Server: srv}
	c, _, _, ends := l.client(t, drain.Options{}, pool.Options{})
	got := outcomes(t, c, ends, srv.URL+"/watch", 50)
	if got["skipped too_long"] < 30 {
		t.Errorf("%v, want most of them not to be tried", got)
	}
	got = outcomes(t, c, ends, srv.URL+"/chunked", 50)
	if got["drained"] < 50 {
		t.Errorf("%v, want all drained", got)
	}
}

// TestKnownLengthIsNoPromise: the drain also learns that the rest of a body of known length
// does not come.
func TestKnownLengthIsNoPromise(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(mixed), testserver.Options{})
	defer srv.Close()
	l := &late{Server: srv}
	c, _, _, ends := l.client(t, drain.Options{}, pool.Options{})
	if got := outcomes(t, c, ends, srv.URL+"/stuck", 100); got["timed_out"] > 20 {
		t.Errorf("%v, want few drains in vain", got)
	}
}

func TestExemptIsNotDrained(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(mixed), testserver.Options{})
	defer srv.Close()
	client, next := observed(srv, drain.Options{})
	defer client.CloseIdleConnections()
	for i, ctx := range []bool{true, false} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
		if ctx {
			req = req.WithContext(drain.Exempt(req.Context()))
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		e := next()
		if ctx && (e.Skipped != "exempt" || e.LostReason != "body_unread") || !ctx && e.Skipped != "" {
			t.Errorf("request %d: %s %q, lost for %q", i, e.Outcome, e.Skipped, e.LostReason)
		}
	}
}

func TestWhatCameOfItIsTold(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(mixed), testserver.Options{})
	defer srv.Close()
	for _, tt := range []struct {
		path    string
		o       drain.Options
		outcome roundtripper.Outcome
		bytes   int64
	}{
		{"/", patient, roundtripper.OutcomeDrained, 1000},
		{"/chunked", drain.Options{Policy: drain.Fixed, MaxBytes: 10, MaxTime: time.Minute}, roundtripper.OutcomeGaveUp, 11},
		{"/watch", drain.Options{Policy: drain.Fixed, MaxTime: 300 * time.Millisecond}, roundtripper.OutcomeTimedOut, 100},
	} {
		l := &late{Server: srv}
		c, _, _, ends := l.client(t, tt.o, pool.Options{})
		get(t, c, srv.URL+tt.path).Body.Close()
		e := <-ends
		if e.Outcome != tt.outcome || e.BytesDrained != tt.bytes || e.DrainTime <= 0 || e.DialCost <= 0 {
			t.Errorf("%s: %s, %d bytes in %v, a connection at %v; want %s, %d", tt.path, e.Outcome, e.BytesDrained, e.DrainTime, e.DialCost, tt.outcome, tt.bytes)
		}
	}
}

// TestCloseOfAnEarlyResponse: net/http gives the request 50 ms to be written once the
// response has ended, and does not look at the context during that time.
func TestCloseOfAnEarlyResponse(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Content-Length", "2")
		io.WriteString(w, "no")
	}), testserver.Options{})
	defer srv.Close()
	const limit = 5 * time.Millisecond
	client, next := observed(srv, drain.Options{Policy: drain.Fixed, MaxTime: limit})
	defer client.CloseIdleConnections()
	best := time.Hour // of some, for the machine may be busy
	for range 10 {
		pr, pw := io.Pipe()
		resp, err := client.Post(srv.URL, "text/plain", pr)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		resp.Body.Close()
		best = min(best, time.Since(began))
		pw.Close()
		if e := next(); e.Skipped != "early_response" || e.Returned {
			t.Errorf("%s %q, returned %v; want skipped early_response, false", e.Outcome, e.Skipped, e.Returned)
		}
	}
	if best > limit+5*time.Millisecond {
		t.Errorf("Close took %v under a limit of %v", best, limit)
	}
}
