package main

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"time"
)

// floor is what was open before a row began, and must be all after it.
type floor struct {
	goroutines  int
	descriptors *int
}

// standing takes a floor.
func standing() floor {
	// The first socket opens the runtime's poller, which stays open.
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	return floor{runtime.NumGoroutine(), descriptors()}
}

// exceeded waits for goroutines and descriptors to come back to the floor, and
// says which did not.
func (f floor) exceeded(ctx context.Context) string {
	var over []string
	most := patience
	if ctx.Err() != nil { // out of time is no reason not to look
		ctx, most = context.WithoutCancel(ctx), time.Second
	}
	until(ctx, most, func() bool {
		over = over[:0]
		if n := runtime.NumGoroutine() - f.goroutines; n > 0 {
			over = append(over, fmt.Sprintf("%d goroutines", n))
		}
		if now := descriptors(); now != nil && f.descriptors != nil && *now > *f.descriptors {
			over = append(over, fmt.Sprintf("%d descriptors", *now-*f.descriptors))
		}
		return len(over) == 0
	})
	return strings.Join(over, ", ")
}
