package roundtrippertest

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// probe has the part of a testing.T that a case needs, in a form that can be abandoned when
// the middleware hangs.
type probe struct {
	*suite
	limit time.Duration

	mu       sync.Mutex
	where    string // for messages: the protocol, the variant
	doing    string // the present step, which may hang
	seen     []string
	cleanups []func()
	over     bool // done, or given up
}

// errorf reports an observation. The case goes on.
func (p *probe) errorf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.seen = append(p.seen, p.where+fmt.Sprintf(format, args...))
	}
}

// fatalf reports an observation and ends the goroutine. Deferred calls run.
func (p *probe) fatalf(format string, args ...any) {
	p.errorf(format, args...)
	runtime.Goexit()
}

// step names the next step, for the message if that hangs. In a case that was given up there
// is no next step: the goroutine ends.
func (p *probe) step(format string, args ...any) {
	p.mu.Lock()
	over := p.over
	p.doing = p.where + fmt.Sprintf(format, args...)
	p.mu.Unlock()
	if over {
		runtime.Goexit()
	}
}

// in names the variant that is tried from now on.
func (p *probe) in(where string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.where = where + ": "
}

// giveUp reports the cases that hang. Later observations are of no interest: the servers
// get closed.
func (p *probe) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	doing := p.doing
	if doing == "" {
		doing = "wrapping the base"
	}
	p.seen = append(p.seen, fmt.Sprintf("not done after %v: %s", p.limit, doing))
}

// recover makes a panic of the middleware a failure of the case. It must be
// deferred.
func (p *probe) recover() {
	if r := recover(); r != nil {
		p.errorf("panic: %v\n%s", r, debug.Stack())
	}
}

// cleanup runs f when the case is over or given up.
func (p *probe) cleanup(f func()) {
	p.mu.Lock()
	over := p.over
	if !over {
		p.cleanups = append(p.cleanups, f)
	}
	p.mu.Unlock()
	if over {
		f()
	}
}

func (p *probe) release() {
	p.mu.Lock()
	todo := p.cleanups
	p.cleanups = nil
	p.mu.Unlock()
	for i := len(todo) - 1; i >= 0; i-- {
		todo[i]()
	}
}

// end ends the case and returns its observations.
func (p *probe) end() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	return p.seen
}

// eventually polls f. It gives up before the case would hang, so that there is
// time for a better message.
func (p *probe) eventually(f func() bool) bool {
	for deadline := time.Now().Add(p.limit / 2); !f(); {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(100 * time.Microsecond)
	}
	return true
}

// together runs f n times at once and waits for all of them.
func (p *probe) together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			defer p.recover()
			f(i)
		})
	}
	wg.Wait()
}
