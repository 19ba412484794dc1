package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"sync"
	"time"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/pool"
)

// variant is one of the two ways to send requests, with servers of its own.
type variant struct {
	name    string
	servers []*badserver.Server
	base    *http.Transport
	client  *http.Client
	kit     *warmconn.Kit // nil: bare net/http
	trace   httptrace.ClientTrace
	// alive is the context of requests whose body is never closed. It ends with the variant: with bare
	// net/http nothing else gives their connections and goroutines back.
	alive context.Context
	end   context.CancelFunc

	mu     sync.Mutex
	n      counts
	took   histogram // of all good callers' requests to servers that are not slow
	lately histogram // of the ones since the last sample
}

// counts are what has happened so far.
type counts struct {
	requests, ok   int
	conns, reused  int // connections that requests were given, and how many of these had served one before
	leaked         int // bodies that were never closed
	mixed          int // responses with bytes of another one
	failed, atGood int // requests that failed though their caller did not mean it; and how many of these at good servers
	classes        map[string]int
	firstAtGood    string
	leftOpen       int // connections, at the end
	p50, p99, p999 time.Duration
	opened         int // connections, by the servers
}

func newVariant(name string) *variant {
	v := &variant{name: name, n: counts{classes: make(map[string]int)}}
	v.alive, v.end = context.WithCancel(context.Background())
	v.trace.GotConn = func(info httptrace.GotConnInfo) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.n.conns++
		if info.Reused {
			v.n.reused++
		}
	}
	return v
}

func (v *variant) start(workers int, withKit bool, silence time.Duration) (err error) {
	if v.servers, err = startServers(silence); err != nil {
		return err
	}
	v.base = badserver.TransportTo(workers, v.servers...)
	v.client = &http.Client{Transport: v.base}
	if withKit {
		v.kit = warmconn.New(warmconn.Options{})
		v.client = v.kit.Client(v.client)
	}
	return nil
}

// open is how many connections the servers have open.
func (v *variant) open() (n int) {
	for _, s := range v.servers {
		n += s.Open()
	}
	return n
}

// slots is how many requests the kit believes are in flight.
func (v *variant) slots() int {
	if v.kit == nil {
		return 0
	}
	return v.kit.Stats().InUse
}

// sums are the counts so far.
func (v *variant) sums() counts {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.n
	n.p50, n.p99, n.p999 = v.took.quantile(.5), v.took.quantile(.99), v.took.quantile(.999)
	for _, s := range v.servers {
		n.opened += s.Accepted()
	}
	return n
}

// patience is how long is waited for things to be back.
const patience = 20 * time.Second

// ends ends the variant, while its servers go on, and says what is left. What bare
// net/http leaves is only counted: it has no way to find bodies that were not closed.
func (v *variant) ends() (left []string) {
	if v.kit == nil {
		eventually(time.Second, func() bool {
			v.client.CloseIdleConnections()
			return v.open() == 0
		})
		return nil
	}
	var s pool.Stats
	if !eventually(patience, func() bool {
		runtime.GC() // it finds the bodies that were not closed
		s = v.kit.Stats()
		return s.InUse == 0 && s.Waiting == 0 && s.Leaks == uint64(v.n.leaked)
	}) {
		left = append(left, fmt.Sprintf("%d slots in use, %d requests wait, %d of %d leaked bodies found", s.InUse, s.Waiting, s.Leaks, v.n.leaked))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := v.kit.Shutdown(ctx); err != nil {
		left = append(left, "the kit's Shutdown: "+err.Error())
	}
	if !eventually(patience, func() bool { s = v.kit.Stats(); return s.Open == 0 && v.open() == 0 }) {
		left = append(left, fmt.Sprintf("%d connections of the kit's, of which the servers have %d", s.Open, v.open()))
	}
	return left
}

// close ends the servers, and what bare net/http has left.
func (v *variant) close() {
	v.end()
	for _, s := range v.servers {
		s.Close()
	}
	if v.base != nil {
		v.base.CloseIdleConnections()
	}
}

// eventually waits until ok returns true, and reports whether it has.
func eventually(most time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(most); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
