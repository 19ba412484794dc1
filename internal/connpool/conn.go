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
	secure net.Conn        // the TLS to the first hop; nil without TLS, and inside of a proxy's CONNECT
	raw    *netConn        // nil if the dialer's connection can't be seen
	held   *ledger.NetConn // the connection as exchanges see it
	http2  bool
	tls    tlsFacts

	// Set when the dial begins, and not changed.
	dial dialFacts

	// Guarded by host.mu.
	state         state
	waiter        *waiter   // the waiting request that owns the dial
	abandoned     time.Time // since when no request owns the dial
	givenAt       time.Time // to the exchange that has it
	givenUp       bool      // abandoned because its request has ended, and not because another connection served that
	cancel        func()    // breaks the dial off
	opened        time.Time
	uses          int
	user          uint64 // the Entry that has it, or had it last
	streams       int    // exchanges on it, also over HTTP/1
	answered      int    // exchanges on it that have their response, without the exempt ones
	arrived       int    // see arrived.go
	wasIdle       bool   // it lay idle once: net/http calls it reused
	idleAt        time.Time
	idledFor      time.Duration // the time until its exchange got it; 0: it did not lie idle
	busySince     time.Time
	probe         bool          // it is left idle until the server closes it: see serverIdle
	announced     time.Duration // how long it may lie idle, by the server's Keep-Alive header
	jitter        uint8         // its share, in 1/256, of the tenth by which ages differ
	lost          *loss.Loss
	guessed       bool // lost's reason is a guess, until an exchange can tell
	countedAs     loss.Reason
	span          *ledger.Span
	peer          string    // its address, if the ledger counts peers
	address       *hostAddr // its remote address; nil if its name is not looked up again
	answer        int       // how many answers had given addresses when it came up
	replacedAt    time.Time // when its successor was dialed, because of its age or uses
	successor     *Conn     // the connection that was dialed then
	limitedByAge  bool      // the successor was dialed because of its age
	sawGoAway     bool
	due           loss.Reason // why it will be retired, once the requests on it are written
	resets        int         // streams that were reset since none was in flight
	limit         limitFacts
	unreserved    atomic.Int32       // see tightLocked; guarded by no mutex
	heard         atomic.Bool        // over HTTP/2, a response has come; guarded by no mutex
	aborted       atomic.Bool        // it is about to be closed, and its drain broken off; set under host.mu
	ahead         bool               // it was dialed for a stock and no request has used it yet
	doomed        bool               // the server has said that it will end it
	warmed        bool               // Warm has dialed it, for no request
	counted       bool               // as opened
	refused       bool               // its socket was open, but the handshake failed
	saidIdle      int64              // netConn.said when it became idle
	readIdle      int64              // and netConn.read
	writtenBefore int64              // netConn.written when its exchange got it
	listed        linked.Place[Conn] // in host.all
	newReason     loss.Reason        // why it was new, as its first exchange was told
	told          toldOf
}

// dialFacts are the facts of a dial.
type dialFacts struct {
	began   time.Time
	by      uint64 // ID of the Entry that it was begun for
	culprit loss.Culprit
	reason  loss.Reason // why it was needed
	blame   loss.Culprit
	charged *loss.Loss
	losses  uint32 // stock.losses when it began
	clock   dialClock
}
