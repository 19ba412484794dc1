package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// FuzzQueue checks the queues of three hosts, and the one for MaxTotal, whenever all goroutines
// have come to rest: there is no slot too many, none is unused while a request waits for it, and
// the counters add up. Each byte lets a request come, end or give up, or time pass, some of them
// in one moment.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 67, 67, 131, 3, 4})
	f.Add([]byte{1, 0, 0, 0, 0, 64, 128, 0, 2, 66, 4, 68, 3, 5, 5, 5})
	f.Add([]byte{2, 0, 1, 0, 1, 0, 1, 3, 130, 131, 2, 3, 6, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 11, 2, 0, 11, 2, 0, 11, 2, 0, 11, 2, 0, 11, 2, 0, 11, 2}) // given and given up
	f.Add([]byte{15, 0, 0, 0, 0, 0, 0, 3, 5, 0, 0, 3, 5, 0, 0, 0, 3, 3, 3, 7})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) == 0 || len(ops) > 200 {
			return
		}
		synctest.Test(t, func(t *testing.T) { queueing(t, ops[0], ops[1:]) })
	})
}

func queueing(t *testing.T, how byte, ops []byte) {
	var o Options
	if how&1 == 0 {
		o.MaxPerHost = 2
	}
	if how&3 != 0 {
		o.MaxTotal = 3
	}
	if how&4 != 0 {
		o.WaitTimeout = 50 * time.Millisecond
	}
	if how&8 != 0 {
		o.ShedTarget = 5 * time.Millisecond
	}
	if how&16 != 0 {
		o.MaxWaiting = 3
	}
	if how&32 != 0 {
		o.RefuseHopeless = true
	}
	p := New(o)
	p.gc.collect = func() {}
	keys := [3]ledger.Key{{Host: "a"}, {Host: "b"}, {Host: "c"}}
	type request struct {
		cancel context.CancelFunc
		got    chan error
		host   *host // set when it was sent
		// As of the last rest:
		sent, ended bool
		err         error
	}
	var all []*request
	come := func(key ledger.Key) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		r := &request{cancel: cancel, got: make(chan error, 1)}
		all = append(all, r)
		go func() {
			h, _, err := p.acquire(ctx, acquisition{}, key, "", nil)
			r.host = h
			r.got <- err
		}()
	}
	pick := func(n int, ok func(*request) bool) *request {
		var some []*request
		for _, r := range all {
			if ok(r) {
				some = append(some, r)
			}
		}
		if len(some) == 0 {
			return nil
		}
		return some[n%len(some)]
	}
	running := func(r *request) bool { return r.sent && !r.ended }
	waiting := func(r *request) bool { return !r.sent && r.err == nil }
	end := func(r *request) {
		r.ended = true
		p.release(r.host, nil)
	}
	var before Counters
	rest := func() {
		synctest.Wait()
		s := p.Stats()
		held, failed, sent, closed := 0, 0, 0, 0
		for _, r := range all {
			select {
			case r.err = <-r.got:
				r.sent = r.err == nil
			default:
			}
			switch {
			case r.sent:
				sent++
			case r.err != nil:
				failed++
			}
			if running(r) {
				held++
			}
			if errors.Is(r.err, ErrClosed) {
				closed++
			}
		}
		p.total.mu.Lock()
		totalInUse, totalWaiting := p.total.inUse, p.total.line.len
		p.total.mu.Unlock()
		inUse := 0
		for _, h := range s.Hosts {
			inUse += h.InUse
			if o.MaxPerHost > 0 && (h.InUse > o.MaxPerHost || h.Waiting > 0 && h.InUse < o.MaxPerHost) {
				t.Fatalf("%s: %d in use, %d waiting", h.Host, h.InUse, h.Waiting)
			}
		}
		if o.MaxTotal > 0 && (totalInUse > o.MaxTotal || totalWaiting > 0 && totalInUse < o.MaxTotal) {
			t.Fatalf("of all: %d in use, %d waiting", totalInUse, totalWaiting)
		}
		if s.InUse != held || inUse != held+totalWaiting || s.Waiting != len(all)-sent-failed {
			t.Fatalf("%d in use, %d at hosts, %d waiting; %d were sent, %d hold a slot, %d failed", s.InUse, inUse, s.Waiting, sent, held, failed)
		}
		c := s.Counters
		if int(c.Requests) != sent || int(c.QueueFull+c.WaitTimeouts+c.Hopeless+c.Shed+c.WaitsCanceled)+closed != failed {
			t.Fatalf("%d sent, %d failed, but counted %+v", sent, failed, c)
		}
		if c.Requests < before.Requests || c.Waits < before.Waits || c.WaitTime < before.WaitTime || c.Shed < before.Shed {
			t.Fatalf("%+v after %+v", c, before)
		}
		before = c
	}
	for _, op := range ops {
		n := int(op >> 4)
		switch op & 7 {
		case 0, 1:
			come(keys[n%len(keys)])
		case 2:
			if r := pick(n, waiting); r != nil {
				r.cancel()
			}
		case 3, 4:
			if r := pick(n, running); r != nil {
				end(r)
			}
		case 5:
			time.Sleep(time.Duration(n+1) * time.Millisecond)
		case 6:
			time.Sleep(time.Duration(n+1) * 30 * time.Millisecond)
		case 7:
			if n == 15 {
				p.Close()
			}
		}
		if op&8 == 0 { // else the next comes in the same moment
			rest()
		}
	}
	rest()
	for r := pick(0, running); r != nil; r = pick(0, running) {
		end(r)
		rest()
	}
	for _, r := range all {
		r.cancel()
	}
	rest()
	if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 {
		t.Fatalf("in the end %d in use, %d waiting", s.InUse, s.Waiting)
	}
}
