package connpool

import "time"

// limitFacts are what is known of how many streams an HTTP/2 connection takes at
// once. net/http believes initialStreams until the server's SETTINGS have come, and
// does not say whether they have; they have if it believes something else, and behind
// the first response.
type limitFacts struct {
	most    int       // streams at once; 0: not known yet
	seen    int       // the last sight of it that was not believed yet
	settled bool      // the SETTINGS have come
	endedAt time.Time // when an exchange last ended on it
}

// initialStreams is what net/http takes for the limit of streams until the server
// has said what it is.
const initialStreams = 100

// lingerMost is how long the end of a stream may take after that of its exchange.
// net/http closes the stream on a goroutine of its own, some microseconds after the
// body has shown its end; on a machine that is busy it is later.
const lingerMost = 2 * time.Millisecond

// noteLimitLocked notes the server's limit of streams, n more being available beside
// in. The two are not read in one moment, so a limit that is higher than what is known
// is believed when it is seen twice.
func (c *Conn) noteLimitLocked(n, in int) {
	f, sum := &c.limit, n+in
	twice := sum == f.seen
	f.seen = sum
	if !f.settled && (sum == initialStreams || !twice && c.cc.InFlight() != in) {
		return
	}
	f.settled = true
	if f.most == 0 || sum < f.most || twice {
		f.most = sum
	}
	c.route.streams = f.most
}

// settleLocked notes that the server's SETTINGS have come, if the wire has shown it.
func (c *Conn) settleLocked() {
	if c.limit.settled || !c.settingsCame() {
		return
	}
	if sum := c.cc.Available() + c.cc.InFlight(); sum > 0 { // one stream, at most, is in flight
		c.limit.settled, c.limit.most = true, sum
		c.route.streams = sum
	}
}

// settingsCame reports whether the wire has shown that the server's SETTINGS have come.
func (c *Conn) settingsCame() bool { return c.heard.Load() || c.raw != nil && c.raw.settings.Load() }

// unsettledLocked reports whether the server's limit of streams is still to come: till
// then one request has c, for an http.ClientConn lets those that are too many wait for
// good, where a Transport sends them over another connection. It is late if it takes
// longer than a way there and back behind the handshake does: then others dial.
//
// Tried, and not taken: to believe of it what the host's other connections have shown.
// Requests that wait for the SETTINGS begin a way there and back later, and meet a server
// that closes connections as soon as they are idle. But if it is another backend's,
// which takes fewer, one for which the SETTINGS come between its hand-out and its HEADERS
// waits for good behind endless ones.
func (c *Conn) unsettledLocked(now time.Time) (unsettled, late bool) {
	if !c.http2 || c.limit.settled {
		return false, false
	}
	return true, now.Sub(c.opened) >= max(gateMost, 4*c.dial.clock.took().Connect)
}

// noteCrowdedLocked notes what a request has shown that was one too many on c, by
// net/http's word or by the server's: the SETTINGS have come.
func (c *Conn) noteCrowdedLocked() {
	in, n := c.cc.InFlight(), c.cc.Available()
	if c.limit.settled || n == 0 || c.cc.Err() != nil {
		return
	}
	c.limit.settled, c.limit.most = true, in+n
	c.route.streams = in + n
}

// tightLocked reports whether the server allows so few streams that each is to be
// reserved before it is used. Else they are counted, which costs less.
//
// It is reserved without the host's mutex: c.unreserved are those that are given out
// and not reserved yet.
func (c *Conn) tightLocked() bool {
	return c.http2 && c.route.streams > 0 && c.route.streams < initialStreams
}

// refusesLocked reports whether c takes no streams though it has fewer than the
// server allows: it got a GOAWAY. What is asked here changes meanwhile, so it is asked
// twice.
func (c *Conn) refusesLocked() bool {
	for range 2 {
		if in := c.cc.InFlight(); in > 0 && in >= c.limit.most || c.streams > 0 && c.streams >= c.limit.most || c.cc.Available() > 0 {
			return false
		}
	}
	return true
}

// lingeringLocked is how many streams of c net/http is about to end, their exchanges
// having ended.
func (c *Conn) lingeringLocked(now time.Time) int {
	if now.Sub(c.limit.endedAt) >= lingerMost {
		return 0
	}
	return max(c.cc.InFlight()-c.streams, 0)
}

// comingLocked is how many streams come free at once on the route's connections.
func (rt *route) comingLocked(now time.Time) (n int) {
	for _, c := range rt.shared {
		n += c.lingeringLocked(now)
	}
	return n
}
