package connpool

import (
	"net"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// ConnFacts are one connection at one moment. Of one that is being dialed most is not
// known.
type ConnFacts struct {
	At          time.Time
	ID          uint64
	Host, State string
	Up          bool // it is not being dialed any more; what follows is known
	HTTP2       bool
	Held        *ledger.NetConn // its Conn is nil if there is none to be seen
	TLSVersion  uint16
	Resumed     bool
	Read        int64 // bytes on the wire; 0 if that can't be seen
	Written     int64

	Age, IdleFor time.Duration
	Uses         int
	Streams      int // exchanges that have it
	RetireAt     time.Time
	RetireWhy    string
	New, Lost    loss.Reason

	socket net.Conn // what the dialer made; nil if that can't be seen
}

// Words for why a connection is to be retired at its time.
const (
	// RetireIdle and RetireAge: it has come to the Pool's own limit.
	RetireIdle = "idle_timeout"
	RetireAge  = "max_age"
	// RetireServer: it has come to the server's limit, which is the shorter one.
	RetireServer = "server_idle"
)

// factsLocked writes down in f, which is empty, what c is now. Not returned, for it is
// large, and many are copied under one lock.
func (c *Conn) factsLocked(f *ConnFacts, now time.Time) {
	f.At, f.ID, f.Host, f.State = now, c.ID, c.host.name, c.state.String()
	f.Uses, f.Streams, f.New = c.uses, c.streams, c.dial.reason
	if c.newReason != loss.None {
		f.New = c.newReason
	}
	if c.opened.IsZero() { // the dial writes what is not guarded
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

// retiresLocked is dueAt with its reason, and for a connection that is in use the age at
// which it is not kept.
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

// Conns returns the Pool's connections, a host's after another's. Each host's lock is
// held while its connections are copied, and for nothing else: the memory for them is
// there before, and no code of the program's, no socket and no kernel is asked.
func (p *Pool) Conns() (all []ConnFacts) {
	p.hosts.each(func(h *Host) {
		for {
			h.mu.Lock()
			n := h.all.Len()
			if n <= cap(all)-len(all) {
				break
			}
			h.mu.Unlock()
			more := make([]ConnFacts, len(all), len(all)+n+n/8+8) // some may come meanwhile
			copy(more, all)
			all = more
		}
		now := time.Now()
		for c := range h.all.All() {
			all = all[:len(all)+1]
			c.factsLocked(&all[len(all)-1], now)
		}
		h.mu.Unlock()
	})
	return all
}
