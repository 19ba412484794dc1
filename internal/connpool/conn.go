package connpool

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/linked"
	"github.com/warmconn/warmconn/internal/loss"
)

// Conn is one connection.
type Conn struct {
	ID    uint64
	route *route
	host  *Host

	// Set when the dial has ended.
	cc     *http.ClientConn
	secure net.Conn        // its TLS to the first hop; nil if there is none, or it is a proxy's CONNECT
	raw    *netConn        // nil if the dialer's connection can't be seen
	held   *ledger.NetConn // as exchanges are shown it
	http2  bool
	tls    tlsFacts

	// Set when the dial begins, and not changed.
	dial dialFacts

	// Guarded by host.mu.
	state         state
	waiter        *waiter   // whose dial it is, while it waits for it
	abandoned     time.Time // since when it is no request's own
	givenAt       time.Time // to the exchange that has it
	givenUp       bool      // because that has ended, and not because it was served
	cancel        func()    // breaks the dial off
	opened        time.Time
	uses          int
	user          uint64 // the Entry that has it, or had it last
	streams       int    // exchanges on it
	answered      int    // of those that are not exempt, that have their response
	arrived       int    // see arrived.go
	wasIdle       bool   // it lay idle once: net/http calls it reused
	idleAt        time.Time
	idledFor      time.Duration // until its exchange got it; 0: it did not lie idle
	busySince     time.Time
	probe         bool          // see serverIdle: it is left to the server
	announced     time.Duration // how long it may lie idle, by what the server says
	jitter        uint8         // its part, in 1/256, of what ages differ by
	lost          *loss.Loss
	guessed       bool // the reason is, until an exchange can tell
	countedAs     loss.Reason
	span          *ledger.Span
	peer          string    // its address, if those are counted
	address       *hostAddr // that it goes to; nil: of no interest
	answer        int       // how many answers had given addresses when it came up
	replacedAt    time.Time // when a successor was last dialed, because of its age or uses
	successor     *Conn     // that one
	limitedByAge  bool      // a successor is on its way, because of its age
	sawGoAway     bool
	due           loss.Reason // why it is retired once what is being sent on it is sent
	resets        int         // streams that were, since none was in flight
	limit         limitFacts
	unreserved    atomic.Int32       // see tightLocked; of no mutex
	heard         atomic.Bool        // over HTTP/2 a response; of no mutex
	ahead         bool               // no request's dial, made for a stock, and not used yet
	doomed        bool               // the server has said that it ends it
	warmed        bool               // no request's dial: Warm's
	counted       bool               // as opened
	refused       bool               // its socket was open, and it came to nothing
	saidIdle      int64              // netConn.said when it became idle
	readIdle      int64              // and netConn.read
	writtenBefore int64              // and written when its exchange got it
	listed        linked.Place[Conn] // in host.all
	newReason     loss.Reason        // as its first exchange was told
	told          toldOf
}

// dialFacts are what a dial knows of itself.
type dialFacts struct {
	began   time.Time
	by      uint64 // the Entry it was begun for
	culprit loss.Culprit
	reason  loss.Reason // why it was needed
	blame   loss.Culprit
	charged *loss.Loss
	losses  uint32 // stock.losses when it began
	clock   dialClock
}
