package pool

import (
	"cmp"
	"math"
	"net"
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/roundtripper"
)

// ConnInfo is one connection that the Pool owns, at one moment. More fields may come.
type ConnInfo struct {
	_ [0]func() // not comparable, so that fields can be added

	// ID is the connection's, as in roundtripper.Exchange.ConnID: a Pool that stands over
	// several transports may have several of one ID.
	ID uint64
	// Host is scheme, name and port, as in Stats: a proxy's if that forwards plain http.
	Host string
	// Proto is "HTTP/1.1" or "HTTP/2.0"; empty while the connection is being dialed.
	Proto string
	// State is where its life stands: "dialing" (or shaking hands), "idle", "active"
	// (requests have it), "draining" (the body of its request was closed, and the rest is
	// being read), "going away" (its HTTP/2 streams go on, and no request is given it any
	// more), "closing" (it is lost, and its socket is not closed yet) or "closed". Expect
	// new words.
	State string
	// LocalAddr and RemoteAddr are the connection's; nil while it is being dialed, and if it has none.
	LocalAddr, RemoteAddr net.Addr
	// TLSVersion is as in package crypto/tls, 0 where there is no TLS or where it can't be
	// seen; Resumed says that its handshake resumed a session: see Options.TLSSessions.
	TLSVersion uint16
	Resumed    bool

	// Age is the time since it came up; of one that is being dialed, since that began.
	Age time.Duration
	// IdleFor is how long it has been idle; 0 if it is not. A ConnListener's Acquired is
	// told how long it was.
	IdleFor time.Duration
	// Uses is how many requests it was given to, and Streams how many of those have it
	// now: over HTTP/1 one at most.
	Uses, Streams int
	// RetireAt is when it is due to be retired, if no request takes it before; one that is
	// in use is not kept from then on. The zero time means never, or that it goes already.
	// That more lie idle than are needed is not foreseen.
	RetireAt time.Time
	// RetireWhy says for what: "idle_timeout" (IdleTimeout, or the transport's),
	// "server_idle" (the server's own limit, which it has announced in Keep-Alive or
	// which was learned, is shorter) or "max_age"; empty if RetireAt is zero. Expect new words.
	RetireWhy string

	// BytesRead and BytesWritten are what went over the wire, TLS and all; 0 where that
	// can't be seen, below a TLS dialer of the program's own.
	BytesRead, BytesWritten int64

	// NewReason says why it was new, as to its first request: before that why it was dialed.
	// LostReason says why it can't be used any more, or, while it is "draining" or its
	// server has announced its end, why it will not be; empty if it can. A connection that
	// no request ever had is "unused".
	NewReason, LostReason roundtripper.NewReason

	// RTT is the kernel's estimate of the time there and back, and Retransmits how many
	// segments had to be sent again, in all. They are asked for by Conns, on Linux; else, and
	// where the socket can't be found below the dialer's connection, they are 0.
	RTT         time.Duration
	Retransmits int
}

// Conns lists the connections that the Pool owns and that are not closed, those being
// dialed among them, by host and then by ID. Connections of bases that it does not own, and
// those of a transport from Transport that a program uses directly, are not listed.
//
// Hosts are looked at one after the other, and no request waits for it longer than it
// takes to copy the facts of its own host's connections, about half a microsecond for
// each (go test -run '^$' -bench Conns ./internal/connpool). The addresses and the kernel
// are asked after that.
func (p *Pool) Conns() []ConnInfo { return p.conns("", math.MaxInt) }

// conns is Conns for the host of that name, if it is not empty, and most connections at most.
func (p *Pool) conns(host string, most int) []ConnInfo {
	var facts []connpool.ConnFacts
	for _, c := range p.bases.live() {
		if c.conns != nil {
			facts = append(facts, c.conns.ConnsTo(host, most)...)
		}
	}
	slices.SortStableFunc(facts, func(a, b connpool.ConnFacts) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.ID, b.ID))
	})
	facts = facts[:min(len(facts), most)]
	all := slices.Grow([]ConnInfo(nil), len(facts))
	for i := range facts {
		info := connInfo(&facts[i])
		k := facts[i].AskKernel()
		info.RTT, info.Retransmits = k.RTT, k.Retransmits
		all = append(all, info)
	}
	return all
}

// connInfo is the public face of f. It asks the dialer's connection for its addresses.
func connInfo(f *connpool.ConnFacts) ConnInfo {
	info := ConnInfo{
		ID: f.ID, Host: f.Host, State: f.State, TLSVersion: f.TLSVersion, Resumed: f.Resumed,
		Age: f.Age, IdleFor: f.IdleFor, Uses: f.Uses, Streams: f.Streams,
		RetireAt: f.RetireAt, RetireWhy: f.RetireWhy,
		BytesRead: f.Read, BytesWritten: f.Written,
		NewReason: roundtripper.NewReason(f.New.String()), LostReason: roundtripper.NewReason(f.Lost.String()),
	}
	switch {
	case f.HTTP2:
		info.Proto = "HTTP/2.0"
	case f.Up:
		info.Proto = "HTTP/1.1"
	}
	if f.Held != nil && f.Held.Conn != nil {
		info.LocalAddr, info.RemoteAddr = ledger.LocalAddr(f.Held.Conn), ledger.RemoteAddr(f.Held.Conn)
	}
	return info
}
