package drain_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/roundtripper"
)

// The three policies, as Describe describes them.
func ExamplePolicy() {
	for _, p := range []drain.Policy{drain.Adaptive, drain.Fixed, drain.Never} {
		d := drain.New(drain.Options{Policy: p})
		line, _, _ := strings.Cut(roundtripper.Describe(d.Middleware(&http.Transport{})), "\n")
		fmt.Println(line)
	}
	// Output:
	// drain: on Close, as far as a new connection is worth, at most 64 MiB and 500ms
	// drain: on Close, at most 256 KiB and 50ms
	// drain: never; a body closed early closes its connection
}

// String makes a policy readable in a flag.
func ExamplePolicy_String() {
	var o drain.Options
	flags := flag.NewFlagSet("crawler", flag.ContinueOnError)
	flags.Func("drain", "policy of the drain", func(s string) error {
		for _, p := range []drain.Policy{drain.Adaptive, drain.Fixed, drain.Never} {
			if p.String() == s {
				o.Policy = p
				return nil
			}
		}
		return errors.New("no such policy")
	})
	if err := flags.Parse([]string{"-drain=fixed"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the drain is", o.Policy)
	// Output: the drain is fixed
}

// A body is read no further than MaxBytes. If it is longer, the connection is closed.
func ExampleOptions_maxBytes() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/short" {
			fmt.Fprint(w, "hello")
		} else {
			w.Write(make([]byte, 1<<20))
		}
	}))
	defer srv.Close()

	d := drain.New(drain.Options{Policy: drain.Fixed, MaxBytes: 64 << 10, MaxTime: time.Minute})
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println(e.Outcome)
		}}),
		d.Middleware)
	defer client.CloseIdleConnections()
	for _, path := range []string{"/short", "/long"} {
		resp, err := client.Get(srv.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(path, ": ")
		resp.Body.Close()
	}
	// Output:
	// /short: drained
	// /long: gave_up
}

// A body is read for no longer than MaxTime. The rest of this one never comes, so its
// connection is closed.
func ExampleOptions_maxTime() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()

	d := drain.New(drain.Options{MaxTime: 5 * time.Millisecond})
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println(e.Outcome, "and closed because of", e.LostReason)
		}}),
		d.Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	// Output: timed_out and closed because of body_unread
}

// With Background, Close returns although the rest of the body has not come yet. One
// body at a time is drained here; the connection of another one is closed.
func ExampleOptions_background() {
	rest := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
		w.(http.Flusher).Flush()
		<-rest
	}))
	defer srv.Close()

	ended := make(chan roundtripper.Exchange, 2)
	d := drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Minute, Background: 1})
	defer d.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ended <- e }}),
		d.Middleware)
	defer client.CloseIdleConnections()
	for range 2 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
	}
	e := <-ended
	fmt.Println(e.Outcome, e.Skipped)
	close(rest)
	e = <-ended
	fmt.Println(e.Outcome, "in the background:", e.Background)
	// Output:
	// skipped background_full
	// drained in the background: true
}

// A program that ends does not wait for the bodies that are still drained in the
// background: Close breaks them off.
func ExampleDrainer_Close() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()

	ended := make(chan roundtripper.Exchange, 1)
	d := drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Minute, Background: 64})
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ended <- e }}),
		d.Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()

	d.Close()
	e := <-ended
	fmt.Println(e.Outcome)
	// Output: timed_out
}
