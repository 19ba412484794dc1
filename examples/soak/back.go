package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"

	"github.com/warmconn/warmconn/internal/badserver"
)

// ground is what was there before the run, and must be all after it.
type ground struct {
	goroutines, descriptors int
	heap                    float64
}

// spare is how much memory may be left, for what the standard library keeps for later.
const spare = 4 << 20

// standing takes the ground, after what only the first use of the network makes.
func standing() ground {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil { // opens the runtime's poller
		l.Close()
	}
	g := ground{goroutines: runtime.NumGoroutine(), descriptors: descriptors()}
	for _, p := range []badserver.Proto{badserver.Plain, badserver.HTTP2} { // reads certificates, fills tables
		s, err := badserver.Start(badserver.Good(p), seed)
		if err != nil {
			continue
		}
		v := newVariant("")
		v.servers, v.base = []*badserver.Server{s}, s.Transport(1)
		v.client = &http.Client{Transport: v.base}
		v.send(&plan{size: 1})
		v.close()
	}
	eventually(patience, func() bool { return runtime.NumGoroutine() <= g.goroutines })
	runtime.GC()
	g.heap = heap()
	return g
}

// exceeded waits for everything to come back, and says what did not.
func (g ground) exceeded() (over []string) {
	eventually(patience, func() bool {
		over = g.over()
		return len(over) == 0
	})
	return over
}

// over says what is not back now.
func (g ground) over() (over []string) {
	runtime.GC()
	if now := runtime.NumGoroutine(); now > g.goroutines {
		over = append(over, fmt.Sprintf("%d goroutines, before the run %d", now, g.goroutines))
	}
	if now := descriptors(); now > g.descriptors {
		over = append(over, fmt.Sprintf("%d descriptors, before the run %d", now, g.descriptors))
	}
	if now := heap(); now > g.heap+spare {
		over = append(over, fmt.Sprintf("%.1f MiB, before the run %.1f", now/(1<<20), g.heap/(1<<20)))
	}
	return over
}

// descriptors is the number of open file descriptors; -1 if this system does not tell.
func descriptors() int {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(files) - 1 // the one that ReadDir had open
}
