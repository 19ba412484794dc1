package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	ten := make([]time.Duration, 10)
	for i := range ten {
		ten[i] = time.Duration(i + 1)
	}
	for _, tt := range []struct {
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 50, 0},
		{ten[:1], 0, 1},
		{ten[:1], 99, 1},
		{ten, 50, 5},
		{ten, 51, 6},
		{ten, 90, 9},
		{ten, 99, 10},
		{ten, 100, 10},
	} {
		if got := percentile(tt.values, tt.p); got != tt.want {
			t.Errorf("percentile %d of %d values is %d, want %d", tt.p, len(tt.values), got, tt.want)
		}
	}
}

func TestLoadMakesEachRequestOnce(t *testing.T) {
	var seen [100]atomic.Int32
	var between atomic.Int32
	res := load(t.Context(), len(seen), 7,
		func(i int) error { seen[i].Add(1); return nil },
		func(int) { between.Add(1) })
	if res.err != nil || len(res.latencies) != len(seen) || between.Load() != int32(len(seen)) {
		t.Errorf("load did %d requests and %d pauses with error %v", len(res.latencies), between.Load(), res.err)
	}
	for i := range seen {
		if n := seen[i].Load(); n != 1 {
			t.Errorf("request %d was made %d times", i, n)
		}
	}
}

func TestLoadEndsWithItsFirstError(t *testing.T) {
	broken := errors.New("broken")
	const workers = 3
	var done, good atomic.Int32
	res := load(t.Context(), 1000, workers, func(i int) error {
		done.Add(1)
		if i >= 10 {
			return broken
		}
		good.Add(1)
		return nil
	}, nil)
	if !errors.Is(res.err, broken) || len(res.latencies) != int(good.Load()) {
		t.Errorf("load did %d requests of %d that succeeded with error %v", len(res.latencies), good.Load(), res.err)
	}
	// Another worker may hold one of the first ten, and see the error before it makes its request.
	if n := good.Load(); n <= 10-workers {
		t.Errorf("%d requests succeeded of the 10 before the error", n)
	}
	if n := done.Load(); n > 10+workers {
		t.Errorf("%d requests were made although the 11th failed", n)
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	res := load(ctx, 1000, 1, func(i int) error {
		if i == 4 {
			cancel()
		}
		return nil
	}, nil)
	if !errors.Is(res.err, context.Canceled) || len(res.latencies) != 5 {
		t.Errorf("load did %d requests with error %v", len(res.latencies), res.err)
	}
}
