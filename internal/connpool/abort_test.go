package connpool

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/warmconn/warmconn/internal/loss"
)

// A drain whose time is over aborts its exchange from another goroutine. On a busy machine that
// goroutine may stop between its look at the exchange and the Close, while the body comes to
// its end, and another request was given the connection: it failed with "use of closed network
// connection", or was told that its new one was needed because of a conn_error.
func TestConnectionThatIsAboutToBeAbortedIsGivenToNoOtherExchange(t *testing.T) {
	rest := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "some")
		if r.URL.Path == "/slow" {
			w.(http.Flusher).Flush()
			<-rest
		}
	}))
	defer srv.Close()
	for _, early := range []bool{true, false} { // whether the body comes to its end before the Close
		r := rt{p: newPool(t, &http.Transport{}, Options{})}
		resp, err := openGet(context.Background(), r, srv.URL+"/slow")
		if err != nil {
			t.Fatal(err)
		}
		e := resp.Body.(*endBody).e
		c := e.conn
		if e.aborts() == nil {
			t.Fatal("the exchange has its connection to itself, its body goes on, and it is not aborted")
		}
		if !early {
			c.cc.Close()
		}
		rest <- struct{}{}
		if _, err := io.ReadAll(resp.Body); (err == nil) != early {
			t.Errorf("early %v: the body ends with %v", early, err)
		}
		resp.Body.Close()
		next, err := openGet(context.Background(), r, srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		if early {
			c.cc.Close()
		}
		if _, err := io.ReadAll(next.Body); err != nil {
			t.Errorf("early %v: the next exchange fails: %v", early, err)
		}
		next.Body.Close()
		if g := got(next); g.Reused || early && g.Reason != loss.BodyUnread {
			t.Errorf("early %v: the next exchange has a connection with reused %v, reason %v; want a new one for body_unread", early, g.Reused, g.Reason)
		}
	}
}

func TestExchangeThatIsOverAbortsNothing(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "all") }))
	defer srv.Close()
	r := rt{p: newPool(t, &http.Transport{}, Options{})}
	resp, err := openGet(context.Background(), r, srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body.(*endBody).e.Abort()
	next, err := openGet(context.Background(), r, srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	next.Body.Close()
	if !got(next).Reused {
		t.Error("the connection is gone, and it was idle when Abort was called")
	}
}
