package connpool

import "time"

// limitFacts are what is known of an HTTP/2 connection's limit of streams. Net/http assumes
// initialStreams until the server's SETTINGS have come, and does not say whether they have.
// They have if it assumes another number, and when the first response has come.
type limitFacts struct {
	most    int       // streams at once; 0: not known yet
	seen    int       // the limit as it was last seen, perhaps not believed yet
	settled bool      // the SETTINGS have come
	endedAt time.Time // when an exchange last ended on it
}

// initialStreams is the limit of streams that net/http assumes until the server's SETTINGS
// have come.
const initialStreams = 100

// lingerMost is the most time from the end of an exchange to that of its stream. Net/http
// closes the stream on a goroutine of its own, some microseconds after the end of the body;
// on a busy machine it is later.
const lingerMost = 2 * time.Millisecond

// noteLimitLocked notes the server's limit of streams: in were in flight, and then n were
// available. The two are not read in one moment. So before the SETTINGS have come, when any
// number but initialStreams seems to be the server's, nothing is noted if a stream began or
// ended meanwhile; and later a limit that is higher than the known one is believed when it is
// seen twice.
func (c *Conn) noteLimitLocked(n, in int) {
	f, sum := &c.limit, n+in
	twice := sum == f.seen
	f.seen = sum
	if !f.settled && (sum == initialStreams || c.cc.InFlight() != in) {
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
	for range 2 { // who waits for the limit is not told when a stream has ended that came between
		in := c.cc.InFlight()
		if sum := in + c.cc.Available(); sum > 0 && c.cc.InFlight() == in { // else a stream began or ended meanwhile
			c.limit.settled, c.limit.most = true, sum
			c.route.streams = sum
			return
		}
	}
}

// settingsCame reports whether the wire has shown that the server's SETTINGS have come.
func (c *Conn) settingsCame() bool { return c.heard.Load() || c.raw != nil && c.raw.settings.Load() }

// unsettledLocked reports whether the server's SETTINGS, and with them its limit of streams,
// are still to come. Until then one request at a time has c: an http.ClientConn has requests
// beyond the limit wait for good, where a Transport sends them over another connection. The
// SETTINGS are late if they take longer than a round trip after the handshake: then other
// requests dial.
//
// Tried, and not taken: to assume the limit that the host's other connections have shown.
// Requests that wait for the SETTINGS begin a round trip later, and meet a server that closes
// connections as soon as they are idle. But if c leads to another backend, with a lower
// limit, and the SETTINGS come between the hand-out of a stream and its HEADERS, that request
// waits for good behind endless ones.
func (c *Conn) unsettledLocked(now time.Time) (unsettled, late bool) {
	if !c.http2 || c.limit.settled {
		return false, false
	}
	return true, now.Sub(c.opened) >= max(gateMost, 4*c.dial.clock.took().Connect)
}

// noteCrowdedLocked notes the limit that a request has met which was one too many on c, as
// net/http or the server says: then the SETTINGS have come.
func (c *Conn) noteCrowdedLocked() {
	in, n := c.cc.InFlight(), c.cc.Available()
	if c.limit.settled || n == 0 || c.cc.Err() != nil || c.cc.InFlight() != in {
		return
	}
	c.limit.settled, c.limit.most = true, in+n
	c.route.streams = in + n
}

// tightLocked reports whether the server allows so few streams that each must be reserved
// before it is used. Otherwise they are counted, which costs less.
//
// A stream is reserved without the host's mutex: c.unreserved counts the streams that are
// given out and not reserved yet.
func (c *Conn) tightLocked() bool {
	return c.http2 && c.route.streams > 0 && c.route.streams < initialStreams
}

// refusesLocked reports whether c takes no streams though it has fewer than the server
// allows: it got a GOAWAY. The numbers may change while they are read, so they are read
// twice.
func (c *Conn) refusesLocked() bool {
	for range 2 {
		if in := c.cc.InFlight(); in > 0 && in >= c.limit.most || c.streams > 0 && c.streams >= c.limit.most || c.cc.Available() > 0 {
			return false
		}
	}
	return true
}

// lingeringLocked is how many streams of c net/http is about to end: their exchanges have
// ended.
func (c *Conn) lingeringLocked(now time.Time) int {
	if now.Sub(c.limit.endedAt) >= lingerMost {
		return 0
	}
	return max(c.cc.InFlight()-c.streams, 0)
}

// comingLocked is how many streams are about to come free on the route's connections.
func (rt *route) comingLocked(now time.Time) (n int) {
	for _, c := range rt.shared {
		n += c.lingeringLocked(now)
	}
	return n
}
