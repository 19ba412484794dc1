package pool_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A limit that no request has asked for would hang a program that holds many streams.
func TestZeroOptionsHoldNoStreamBack(t *testing.T) {
	const streams = 300
	var all sync.WaitGroup
	all.Add(streams)
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		all.Done()
		all.Wait() // none ends before all have begun
		hello(w, r)
	}), testserver.Options{HTTP2: true})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	load(t, client, srv.URL, streams, 1)
	if n := p.Stats().Requests; n != streams {
		t.Errorf("%d requests, want %d", n, streams)
	}
}

// Over HTTP/2 the limit counts streams.
func TestLimitCountsStreams(t *testing.T) {
	const limit = 3
	var mu sync.Mutex
	now, most := 0, 0
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		hello(w, r)
		mu.Lock()
		now--
		mu.Unlock()
	}), testserver.Options{HTTP2: true})
	defer srv.Close()
	p := pool.New(pool.Options{MaxPerHost: limit})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	load(t, client, srv.URL, 30, 20)
	if most > limit || srv.Opened() > limit {
		t.Errorf("%d streams at once, %d connections; want at most %d", most, srv.Opened(), limit)
	}
}
