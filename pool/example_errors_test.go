package pool_test

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The limit that refused a request is found below http.Client's error. The server has not seen
// the request, so that it may be sent elsewhere.
func ExampleLimitError() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: -1})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	resp, err := client.Get("http://eu.example.com") // srv, by any name
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close() // until then its slot is taken

	other, err := client.Get("http://eu.example.com")
	if le, ok := errors.AsType[*pool.LimitError](err); ok {
		fmt.Printf("%s: %d of %d in use\n", le.Host, le.InUse, le.Limit)
		other, err = client.Get("http://us.example.com")
	}
	if err != nil {
		log.Fatal(err)
	}
	other.Body.Close()
	fmt.Println(other.Request.URL.Host, other.Status)
	// Output:
	// http://eu.example.com:80: 1 of 1 in use
	// us.example.com 200 OK
}

// The text has the limit, and how much of it was in use.
func ExampleLimitError_Error() {
	err := &pool.LimitError{
		Host: "https://api.example.com:443", Limit: 64, InUse: 64, Waiting: 12,
		Waited: 2 * time.Second, Err: pool.ErrWaitTimeout,
	}
	fmt.Println(err)
	// Output: pool: waited too long for a slot: https://api.example.com:443, 64 of 64 in use, 12 waiting, after 2s
}

// A gateway has a status code for each refusal. It tells them apart by errors.Is.
func ExampleLimitError_Unwrap() {
	status := func(err error) int {
		switch {
		case errors.Is(err, pool.ErrQueueFull), errors.Is(err, pool.ErrShed):
			return http.StatusTooManyRequests
		case errors.Is(err, pool.ErrWaitTimeout):
			return http.StatusGatewayTimeout
		case errors.Is(err, pool.ErrClosed):
			return http.StatusServiceUnavailable
		case errors.Is(err, pool.ErrDeadlock):
			return http.StatusInternalServerError
		}
		return http.StatusBadGateway
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: -1})
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close() // until then its slot is taken
	_, err = client.Get(srv.URL)
	fmt.Println(status(err))
	p.Close()
	_, err = client.Get(srv.URL)
	fmt.Println(status(err))
	// Output:
	// 429
	// 503
}

// Code that does not know the Pool recognizes the refusal after a wait as a timeout, like the
// timeouts of package net.
func ExampleLimitError_Timeout() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 1, WaitTimeout: time.Millisecond})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close() // until then its slot is taken

	_, err = client.Get(srv.URL)
	ne, ok := errors.AsType[net.Error](err)
	fmt.Println("a timeout:", ok && ne.Timeout())
	// Output: a timeout: true
}

// The values of error.type, by which a dashboard tells refusals from each other.
func ExampleLimitError_ErrorType() {
	for _, err := range []error{pool.ErrQueueFull, pool.ErrWaitTimeout, pool.ErrShed, pool.ErrDeadlock} {
		fmt.Println((&pool.LimitError{Err: err}).ErrorType())
	}
	// Output:
	// pool_queue_full
	// pool_wait_timeout
	// pool_shed
	// pool_deadlock
}
