package pool

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/linked"
	"github.com/warmconn/warmconn/internal/lockorder"
)

// inFlight is the Pool's record of one request whose stack was taken, or that is tracked.
// The Pool can reach it, so it holds plain values: a stack.Exchange, let alone a Body,
// would hide leaks.
type inFlight struct {
	host   *host
	stack  []uintptr // nil if it was not taken
	method string    // as the caller wrote it
	began  time.Time

	// Guarded by host.flights.mu.
	answered time.Time              // zero until the response has come
	place    linked.Place[inFlight] // in no list if the request is not tracked, or has ended
}

// withStack is an inFlight with its stack, in one allocation.
type withStack struct {
	inFlight
	pcs [callsite.Depth]uintptr
}

// tracks reports whether requests in flight are listed.
func (p *Pool) tracks() bool { return p.opts.LeakAfter > 0 || p.opts.AlwaysCaller }

// track is for a request that has its slot. It takes the request's stack if stack says so or
// if all are taken, and lists it if the Pool tracks requests. It returns nil if it did
// neither.
func (p *Pool) track(h *host, method string, began time.Time, stack bool) *inFlight {
	var f *inFlight
	listed := p.tracks()
	switch {
	case p.opts.AlwaysCaller || stack || p.watchers.takeStacks():
		s := new(withStack)
		s.stack = callsite.Take(&s.pcs)
		f = &s.inFlight
	case listed:
		f = new(inFlight)
	default:
		return nil
	}
	f.host, f.method, f.began = h, method, began
	if listed {
		h.flights.begin(f)
	}
	return f
}

// inFlightList has the requests in flight to one host.
type inFlightList struct {
	mu      lockorder.Mutex[lockorder.InFlight]
	waiting linked.List[inFlight] // wait for the response; in the order in which they began
	open    linked.List[inFlight] // have an open body; in the order of their responses
	overdue linked.List[inFlight] // have an open body, and were reported as suspected
	// alarm is set while open is not empty, for the time of its first or earlier. Its
	// timer is made anew each time: a Pool may be used in one testing/synctest bubble
	// after another.
	alarm *alarm
}

type alarm struct{ timer *time.Timer }

func (fs *inFlightList) begin(f *inFlight) {
	fs.mu.Lock()
	fs.waiting.Push(&f.place, f)
	fs.mu.Unlock()
}

// answered is for a request whose body is about to be handed out.
func (p *Pool) answered(f *inFlight) {
	if p.tracks() {
		p.listOpen(f)
	}
	if p.opts.OpenBodies != nil && f.stack != nil {
		p.profile(f)
	}
}

func (p *Pool) listOpen(f *inFlight) {
	h := f.host
	fs := &h.flights
	now := time.Now()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.place.In() == nil {
		return // it has ended
	}
	f.place.Remove()
	f.answered = now
	fs.open.Push(&f.place, f)
	if fs.alarm == nil && p.opts.LeakAfter > 0 {
		p.armLocked(h, p.opts.LeakAfter)
	}
}

// ended takes a request that has ended off the list and out of the profile.
func (p *Pool) ended(f *inFlight) {
	if p.opts.OpenBodies != nil && f.stack != nil {
		p.opts.OpenBodies.Remove(f)
	}
	if !p.tracks() {
		return
	}
	fs := &f.host.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.place.Remove()
	if fs.open.Len() == 0 && fs.alarm != nil {
		fs.alarm.timer.Stop()
		fs.alarm = nil
	}
}

// profile enters f's open body into Options.OpenBodies. It must run on the goroutine of the
// RoundTrip, of which the profile takes the stack once more, from the line that called for the
// request on. What is entered is f, which leads to no body: what a profile holds is never dropped.
func (p *Pool) profile(f *inFlight) {
	var pcs [callsite.Depth]uintptr
	const add = 1 // the frame of Add itself
	p.opts.OpenBodies.Add(f, callsite.Within(callsite.Take(&pcs))+add)
}

// armLocked has suspect look at h's open bodies after d.
func (p *Pool) armLocked(h *host, d time.Duration) {
	a := new(alarm)
	h.flights.alarm = a
	a.timer = time.AfterFunc(d, func() { p.suspect(h, a) })
}

// suspect reports the bodies that have been open for too long.
func (p *Pool) suspect(h *host, a *alarm) {
	var late []*inFlight
	now := time.Now()
	fs := &h.flights
	fs.mu.Lock()
	if fs.alarm != a {
		fs.mu.Unlock()
		return // the alarm was stopped as it went off
	}
	fs.alarm = nil
	for f := range fs.open.All() {
		if left := p.opts.LeakAfter - now.Sub(f.answered); left > 0 {
			p.armLocked(h, left)
			break
		}
		f.place.Remove()
		fs.overdue.Push(&f.place, f)
		late = append(late, f)
	}
	// Counted before fs.mu is released: after that they may end, and their host be forgotten.
	h.queue.mu.Lock()
	h.queue.n.Suspected += uint64(len(late))
	p.crowd.leaked.Store(p.crowd.leaked.Load() || len(late) > 0)
	h.queue.mu.Unlock()
	fs.mu.Unlock()

	for _, f := range late {
		p.leaks.note(leakSite{host: h.queue.host, method: methodWord(f.method), suspected: true, stack: f.stack}, time.Since(f.began))
		if p.opts.OnLeak == nil {
			continue
		}
		l := leakOf(h.queue.host, f.method, time.Since(f.began), f.stack)
		l.Suspected = true
		p.opts.OnLeak(l)
	}
}

// Request is one request in flight.
type Request struct {
	// Host is scheme, name and port.
	Host string
	// Method is the request's; of one that is long or not printable, a short word.
	Method string
	// Caller is where the request was made, as in Leak; empty if its stack was not
	// taken.
	Caller string
	// Inner is the line that made the request, if that is not Caller, as in Leak.
	Inner string
	// Age is how long ago it was made.
	Age time.Duration
	// Answered says that the response has come, and that its body is open.
	Answered bool
	// Suspected says that it was reported as suspected: see Options.LeakAfter.
	Suspected bool

	stack *[]uintptr
}

// Frames returns the stack that Caller was found in, as Leak's does.
func (r Request) Frames() []runtime.Frame { return framesOf(r.stack) }

// InFlight returns the requests that have a slot, the oldest first: they wait for their
// response, or their body has not ended. Exempt requests are not among them. It is empty unless Options has LeakAfter or AlwaysCaller;
// for numbers alone, Stats is cheaper. Its cost grows with the number of
// requests, mostly by a few µs for each Caller.
func (p *Pool) InFlight() []Request { return p.inFlight("", math.MaxInt) }

// inFlight is InFlight for the host of that name, if it is not empty, and most requests at
// most.
func (p *Pool) inFlight(name string, most int) []Request {
	if !p.tracks() {
		return nil
	}
	type listed struct {
		Request
		stack []uintptr
	}
	var all []listed
	now := time.Now()
	p.each(func(h *host) {
		if name != "" && h.queue.host != name {
			return
		}
		fs := &h.flights
		fs.mu.Lock()
		defer fs.mu.Unlock()
		for _, r := range [...]*linked.List[inFlight]{&fs.waiting, &fs.open, &fs.overdue} {
			n := 0
			for f := range r.All() {
				if n++; n > most {
					break
				}
				all = append(all, listed{Request{Host: h.queue.host, Method: f.method, Age: now.Sub(f.began),
					Answered: r != &fs.waiting, Suspected: r == &fs.overdue}, f.stack})
			}
		}
	})
	slices.SortStableFunc(all, func(a, b listed) int { return cmp.Compare(b.Age, a.Age) })
	requests := make([]Request, min(len(all), most))
	for i := range requests { // under no lock
		r := all[i].Request
		r.Method = methodWord(r.Method)
		at := callsite.Of(all[i].stack)
		r.Caller, r.Inner, r.stack = at.Caller, at.Inner, cloned(all[i].stack)
		requests[i] = r
	}
	return requests
}
