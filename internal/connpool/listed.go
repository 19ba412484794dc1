package connpool

import (
	"math"
	"net"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// ConnFacts are the facts of one connection at one moment. Of a dial few are known.
type ConnFacts struct {
	At          time.Time
	ID          uint64
	Host, State string
	Up          bool // the dial has ended: the fields below are set
	HTTP2       bool
	Held        *ledger.NetConn // its Conn is nil if that can't be seen
	TLSVersion  uint16
	Resumed     bool
	Read        int64 // bytes on the wire; 0 if they can't be seen
	Written     int64

	Age, IdleFor time.Duration
	Uses         int
	Streams      int // exchanges that have it
	RetireAt     time.Time
	RetireWhy    string
	New, Lost    loss.Reason

	socket net.Conn // the dialer's connection; nil if that can't be seen
}

// Words for why a connection is to be retired at its time.
const (
	// RetireIdle and RetireAge: it has come to the Pool's own limit.
	RetireIdle = "idle_timeout"
	RetireAge  = "max_age"
	// RetireServer: it has come to the server's limit, which is the shorter one.
	RetireServer = "server_idle"
)

// factsLocked fills in f, which is empty, with the facts of c. It does not return them, for
// they are large, and Conns copies many under one lock.
func (c *Conn) factsLocked(f *ConnFacts, now time.Time) {
	f.At, f.ID, f.Host, f.State = now, c.ID, c.host.name, c.state.String()
	f.Uses, f.Streams, f.New = c.uses, c.streams, c.dial.reason
	if c.newReason != loss.None {
		f.New = c.newReason
	}
	if c.opened.IsZero() { // the other fields are the dial's to write, without the mutex
		f.Age = now.Sub(c.dial.began)
		return
	}
	f.Up, f.HTTP2, f.Held, f.Age = true, c.http2, c.held, now.Sub(c.opened)
	f.TLSVersion, f.Resumed = c.tls.version, c.tls.resumed
	f.socket = c.secure
	if c.raw != nil {
		f.socket = c.raw.Conn
		f.Read, f.Written = c.raw.read.Load(), c.raw.written.Load()
	}
	if c.state == idle {
		f.IdleFor = now.Sub(c.idleAt)
	}
	switch {
	case c.lost != nil:
		f.Lost = c.lost.Reason
	case c.due != loss.None:
		f.Lost = c.due
	case c.state >= closing:
		f.Lost = c.fate()
	}
	f.RetireAt, f.RetireWhy = c.retiresLocked(now)
}

// retiresLocked is dueAt with its reason; for a connection in use it is when that comes to
// its most age, from which on it is not put back.
func (c *Conn) retiresLocked(now time.Time) (at time.Time, why string) {
	o := &c.host.pool.opts
	switch c.state {
	default:
		return at, ""
	case active, draining:
	case idle:
		if d := c.idleLimit(); d > 0 {
			at, why = c.idleAt.Add(d), RetireIdle
			if o.IdleTimeout <= 0 || d < o.IdleTimeout {
				why = RetireServer
			}
			if at.Before(now) && c.sparedLocked(now) {
				at = c.lookAtLocked(now)
			}
		}
	}
	if o.MaxAge > 0 {
		if old := c.opened.Add(c.ownAge(o.MaxAge)); at.IsZero() || old.Before(at) {
			at, why = old, RetireAge
		}
	}
	return at, why
}

// Conns returns the Pool's connections, a host's after another's.
func (p *Pool) Conns() []ConnFacts { return p.ConnsTo("", math.MaxInt) }

// ConnsTo is Conns for the host of that name, if it is not empty, and most connections at
// most. Each host's lock is
// held while its connections are copied, and for nothing else: the memory for them is
// there before, and no code of the program's, no socket and no kernel is asked.
func (p *Pool) ConnsTo(name string, most int) (all []ConnFacts) {
	p.hosts.each(func(h *Host) {
		if name != "" && h.name != name {
			return
		}
		for {
			h.mu.Lock()
			n := min(h.all.Len(), most-len(all))
			if n <= cap(all)-len(all) {
				break
			}
			h.mu.Unlock()
			more := make([]ConnFacts, len(all), len(all)+n+n/8+8) // more connections may come meanwhile
			copy(more, all)
			all = more
		}
		now := time.Now()
		for c := range h.all.All() {
			if len(all) == most {
				break
			}
			all = all[:len(all)+1]
			c.factsLocked(&all[len(all)-1], now)
		}
		h.mu.Unlock()
	})
	return all
}
