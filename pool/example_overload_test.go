package pool_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The host takes 2 ms for each request, and a request waits for 1 ms at most. Once the Pool has
// learned the first, it refuses at once a request that would wait in vain.
func ExampleOptions_refuseHopeless() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(2 * time.Millisecond)
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 1, WaitTimeout: time.Millisecond, RefuseHopeless: true})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	for range 16 { // after so many the Pool knows how long a slot is held
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close() // until then its slot is taken

	_, err = client.Get(srv.URL)
	le, ok := errors.AsType[*pool.LimitError](err)
	if !ok {
		log.Fatal(err)
	}
	fmt.Println("after", le.Waited)
	fmt.Println("with more than the timeout to wait:", le.Predicted > time.Millisecond)
	fmt.Println("hopeless:", p.Stats().Hopeless)
	// Output:
	// after 0s
	// with more than the timeout to wait: true
	// hopeless: 1
}

// Four requests want the one slot of a host that takes 10 ms for each. If for 5 ms no request has
// waited for less than 1 ms, the queue is overloaded: a request that has waited for long is
// refused, so that the next one is served sooner.
func ExampleOptions_shedding() {
	queued := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-queued
		<-time.After(10 * time.Millisecond)
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{
		MaxPerHost:   1,
		ShedTarget:   time.Millisecond,
		ShedInterval: 5 * time.Millisecond,
	})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	var served, shed atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			resp, err := client.Get(srv.URL)
			switch {
			case errors.Is(err, pool.ErrShed):
				shed.Add(1)
			case err != nil:
				log.Fatal(err)
			default:
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				served.Add(1)
			}
		})
	}
	for p.Stats().Waiting < 3 {
		runtime.Gosched()
	}
	close(queued)
	wg.Wait()
	fmt.Println("served:", served.Load(), "shed:", shed.Load())
	// Output: served: 3 shed: 1
}
