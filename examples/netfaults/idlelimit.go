package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

const (
	serverKeeps = 250 * time.Millisecond
	away        = 20 * time.Millisecond // there and back
	learners    = 16                    // clients, each with a host of its own
	posts       = 30                    // of each
	learning    = 8                     // of these
	inTime      = 3 * time.Millisecond  // a POST is, if the machine made its way longer by no more: that much the pool allows for
)

// posted is what became of POSTs.
type posted struct {
	conns        int
	failed       int // behind the first ones
	judged       int // POSTs behind the first ones for which the machine was in time
	failedInTime int // of these
}

// idleLimit: POSTs that cross the server's close of an idle connection fail.
func idleLimit(ctx context.Context, variant string) []*row {
	rows := []*row{{proto: "http"}, {proto: "h2"}}
	var all sync.WaitGroup
	sums := make([]posted, len(rows))
	var mu sync.Mutex
	for i, r := range rows {
		for n := range learners {
			all.Go(func() {
				got := postAtGaps(ctx, variant, r.proto == "h2", uint64(n))
				mu.Lock()
				defer mu.Unlock()
				sum := &sums[i]
				sum.conns += got.conns
				sum.failed += got.failed
				sum.judged += got.judged
				sum.failedInTime += got.failedInTime
			})
		}
	}
	all.Wait()
	for i, r := range rows {
		sum := sums[i]
		r.requests, r.failed, r.conns = learners*posts, sum.failed, sum.conns
		r.shows = fmt.Sprintf("%.1f %% of POSTs lost", 100*float64(r.failed)/float64(r.requests))
		if variant == before {
			continue
		}
		r.check(ctx.Err() == nil, "out of time")
		// Plain net/http loses seven of half of them. One or two may be lost by what is not seen
		// here: the server's own timer, and goroutines that wait for their turn.
		const most = 2
		if r.failed <= most {
			continue
		}
		if all := learners * (posts - learning); r.wrong == "" && sum.judged < all/2 {
			r.skipped = fmt.Sprintf("%d failed, and the machine was late for %d of %d POSTs", r.failed, all-sum.judged, all)
			continue
		}
		r.check(sum.failedInTime <= most, "%d POSTs of %d failed for which the machine was in time, want %d at most", sum.failedInTime, sum.judged, most)
	}
	return rows
}

func postAtGaps(ctx context.Context, variant string, http2 bool, seed uint64) (got posted) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: http2, Config: func(s *http.Server) { s.IdleTimeout = serverKeeps }})
	defer srv.Close()
	defer func() { got.conns = srv.Opened() }()
	base := srv.Transport()
	var late testserver.Lateness
	base.DialContext = testserver.DistantLate(srv.Dial, away, &late)
	client, end := newClient(variant, base, pool.Options{})
	defer end()
	r := rand.New(rand.NewPCG(seed, 0))
	before, learned := late.Sum(), 0
	for n := range posts {
		gap := time.Duration(r.Int64N(int64(2 * serverKeeps)))
		due := time.Now().Add(gap)
		select {
		case <-time.After(gap):
			late.Note(due)
		case <-ctx.Done():
			return got
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, io.NopCloser(strings.NewReader("x")))
		if err == nil {
			_, err = send(client, req)
		}
		sum := late.Sum()
		punctual := sum-before <= inTime
		before = sum
		if n < learning {
			if punctual {
				learned++
			}
			continue
		}
		// From a machine that is late the pool learns a limit that is too long.
		punctual = punctual && learned >= learning/2
		if punctual {
			got.judged++
		}
		if err != nil {
			got.failed++
			if punctual {
				got.failedInTime++
			}
		}
	}
	return got
}
