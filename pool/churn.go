package pool

import (
	"cmp"
	"net/http"
	"sync/atomic"
	"time"
	"weak"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/lockorder"
)

// churn finds the places in the program where a transport is made for each request or two.
// It looks only when a transport is made, so a program that makes its transports once pays
// for those alone.
type churn struct {
	report func(Leak)
	wanted atomic.Bool // it need look: the program has an OnLeak, or looks at a page of package poolz

	mu     lockorder.Mutex[lockorder.Churn]
	places map[string]*callSite // by the innermost line: that of an SDK that makes one for each call
}

// callSite is a place in the program that makes transports.
type callSite struct {
	last     time.Time // when the last transport was made there
	recent   []built   // the transports of the last buildsTime; the oldest buildsMost of them
	unjudged int       // how many were made since judged
	judged   time.Time
	reported bool
}

// built is one transport. It is held by weak pointers alone.
type built struct {
	at        time.Time
	transport weak.Pointer[http.Transport]
	site      weak.Pointer[sharedTransport]
	sited     bool // there is a site: it is collected sooner than the transport, once both are dropped
	ledger    weak.Pointer[ledger.Ledger]
}

const (
	// buildsMany transports within buildsTime are too many to be an accident.
	buildsMany = 20
	buildsTime = time.Minute
	// buildsMost bounds the transports that are looked at for one place, and placesMost the
	// places.
	buildsMost = 32
	placesMost = 64
	// restTime is how old a transport must be to count as hardly used: a program that
	// starts may make all of its clients first, and try each with a request.
	restTime = 5 * time.Second
	// A place is judged once in judgeEvery transports, or after judgeTime.
	judgeEvery = 16
	judgeTime  = time.Second
)

// add enters a new clone. S is nil for a clone that Transport returns.
func (b *churn) add(t *http.Transport, l *ledger.Ledger, s *sharedTransport) {
	if !b.wanted.Load() || t.DisableKeepAlives {
		return // it keeps nothing, on purpose
	}
	var pcs [callsite.Depth]uintptr
	stack := callsite.Take(&pcs)
	at := callsite.Of(stack)
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.placeLocked(cmp.Or(at.Inner, at.Caller))
	p.last = now
	if p.reported {
		return
	}
	p.add(built{now, weak.Make(t), weak.Make(s), s != nil, weak.Make(l)})
	if n := p.judge(now); n >= buildsMany {
		leak := Leak{Caller: at.Caller, Inner: at.Inner, Age: now.Sub(p.recent[0].at), Transports: n}
		leak.stack = cloned(stack)
		p.reported, p.recent = true, nil
		// The code that makes a transport may hold locks that the callback takes.
		go b.report(leak)
	}
}

// sited notes that t, which was added before, is now the base of s: the connections of s
// tell of its use.
func (b *churn) sited(t *http.Transport, s *sharedTransport) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.places {
		for i := range p.recent {
			if x := &p.recent[i]; x.transport == weak.Make(t) {
				x.site, x.sited = weak.Make(s), true
			}
		}
	}
}

// placeLocked finds or makes the callSite of caller. If there are placesMost, the one at
// which no transport was made for the longest time goes.
func (b *churn) placeLocked(caller string) *callSite {
	p := b.places[caller]
	if p != nil {
		return p
	}
	if b.places == nil {
		b.places = make(map[string]*callSite)
	}
	if len(b.places) >= placesMost {
		oldest := ""
		for c, p := range b.places {
			if oldest == "" || p.last.Before(b.places[oldest].last) {
				oldest = c
			}
		}
		delete(b.places, oldest)
	}
	p = new(callSite)
	b.places[caller] = p
	return p
}

func (p *callSite) add(b built) {
	old := 0
	for old < len(p.recent) && b.at.Sub(p.recent[old].at) > buildsTime {
		old++
	}
	p.recent = append(p.recent[:0], p.recent[old:]...)
	if len(p.recent) < buildsMost {
		p.recent = append(p.recent, b)
	}
	p.unjudged++
}

// judge returns how many of the recent transports were short-lived; 0 if it is not time to
// look.
func (p *callSite) judge(now time.Time) int {
	if len(p.recent) < buildsMany || p.unjudged < judgeEvery && now.Sub(p.judged) < judgeTime {
		return 0
	}
	p.unjudged, p.judged = 0, now
	dropped, most := 0, 0
	brief := make(map[string]int) // by host: a client for each of many hosts is no waste
	for _, b := range p.recent {
		l := b.ledger.Value()
		switch {
		case l == nil, b.transport.Value() == nil, b.sited && b.site.Value() == nil:
			dropped++
		case now.Sub(b.at) >= restTime:
			brief1 := l.BarelyUsed
			if s := b.site.Value(); s != nil {
				brief1 = s.conns.BarelyUsed
			}
			if host, ok := brief1(); ok {
				brief[host]++
				most = max(most, brief[host])
			}
		}
	}
	return dropped + most
}
