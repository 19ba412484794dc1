package connpool

import (
	"net/http"
	"reflect"
	"testing"
	"time"
)

// TestOnlyWhatWasSentTwiceInVainIsDead: the facts are those of Linux 6.18 on loopback, or
// with netem, at a time-out, or made from them.
func TestOnlyWhatWasSentTwiceInVainIsDead(t *testing.T) {
	const ms = time.Millisecond
	near := tcpFacts{rto: 204 * ms, rtt: ms / 5, rttVar: ms / 10}
	far := tcpFacts{rto: 300 * ms, rtt: 100 * ms, rttVar: 10 * ms}
	for _, tt := range []struct {
		name                                  string
		path                                  tcpFacts
		silence                               time.Duration
		unacked, acked, retransmits, repeated int
		sent                                  int
		uncounted                             bool
		dead                                  bool
	}{
		{name: "the probe of the tail had no answer", path: near, silence: 300 * ms, unacked: 1, sent: 100, repeated: 1, dead: true},
		{name: "nor did what followed it, or is about to", path: near, silence: 300 * ms, unacked: 2, sent: 130, repeated: 1, dead: true},
		{name: "a time-out in its place", path: near, silence: 300 * ms, unacked: 1, sent: 100, retransmits: 1, repeated: 1, dead: true},
		{name: "more had no answer before", path: near, silence: 300 * ms, unacked: 2, acked: -100, sent: 100, retransmits: 1, repeated: 1, dead: true},
		{name: "the socket has other bytes", path: near, silence: 300 * ms, unacked: 1, acked: -500, sent: 100, repeated: 1, uncounted: true},
		{name: "and a second time-out", path: near, silence: 900 * ms, unacked: 1, acked: -500, sent: 100, retransmits: 2, repeated: 2, uncounted: true, dead: true},
		{name: "a slow server", path: near, silence: time.Minute, acked: 100, sent: 100, repeated: 3},
		{name: "and its caller's RST_STREAM is under way", path: near, silence: time.Minute, unacked: 1, acked: 100, sent: 152, repeated: 3},
		{name: "a short deadline", path: far, silence: 5 * ms, unacked: 1, sent: 100, repeated: 3},
		{name: "an acknowledgement kept back", path: near, silence: 40 * ms, unacked: 1, sent: 100, repeated: 3},
		{name: "one that will not come for long", path: near, silence: 220 * ms, unacked: 1, sent: 100},
		{name: "what was sent again is on its way", path: far, silence: 400 * ms, unacked: 1, sent: 100, retransmits: 1, repeated: 1},
		{name: "it has had its time", path: far, silence: 460 * ms, unacked: 1, sent: 100, retransmits: 1, repeated: 1, dead: true},
		{name: "the last piece of a body behind a pause", path: near, silence: 10 * time.Second, unacked: 1, acked: 900, sent: 1000, repeated: 3},
		{name: "and it was sent again", path: near, silence: 10 * time.Second, unacked: 1, acked: 900, sent: 1000, retransmits: 1, repeated: 4},
		{name: "and again", path: near, silence: 10 * time.Second, unacked: 1, acked: 900, sent: 1000, retransmits: 2, repeated: 5, dead: true},
		{name: "nothing was sent", path: near, silence: time.Second, unacked: 1, acked: -100, repeated: 1},
		{name: "how much is not known", path: near, silence: time.Second, unacked: 1, sent: -1, retransmits: 1, repeated: 1},
	} {
		s := sight{silence: tt.silence, sent: int64(tt.sent), acked: int64(tt.acked), counted: !tt.uncounted, seen: true, tcp: tt.path}
		s.tcp.unacked, s.tcp.retransmits, s.tcp.repeated = tt.unacked, tt.retransmits, tt.repeated
		if got := s.dead(); got != tt.dead {
			t.Errorf("%s: dead is %v", tt.name, got)
		}
	}
}

// TestAPoolPingsWhereItsBaseDoesNotSay, and leaves the base as it is.
func TestAPoolPingsWhereItsBaseDoesNotSay(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		name       string
		base, want *http.HTTP2Config
	}{
		{"nothing", nil, &http.HTTP2Config{SendPingTimeout: 30 * s, PingTimeout: 15 * s}},
		{"other things", &http.HTTP2Config{MaxReadFrameSize: 1 << 20}, &http.HTTP2Config{MaxReadFrameSize: 1 << 20, SendPingTimeout: 30 * s, PingTimeout: 15 * s}},
		{"how long to wait", &http.HTTP2Config{PingTimeout: 5 * s}, &http.HTTP2Config{SendPingTimeout: 30 * s, PingTimeout: 5 * s}},
		{"when to ping", &http.HTTP2Config{SendPingTimeout: 5 * s}, &http.HTTP2Config{SendPingTimeout: 5 * s}},
	} {
		var before http.HTTP2Config
		if tt.base != nil {
			before = *tt.base
		}
		base := &http.Transport{HTTP2: tt.base}
		p := newPool(t, base, Options{})
		if got := p.transport.HTTP2; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
		var after http.HTTP2Config
		if base.HTTP2 != nil { // Go 1.27 sets one without a setting
			after = *base.HTTP2
		}
		if !reflect.DeepEqual(after, before) {
			t.Errorf("%s: the base has %+v now", tt.name, after)
		}
		if p.pingTimeout != max(tt.want.PingTimeout, 5*s) && p.pingTimeout != 15*s {
			t.Errorf("%s: a ping is waited for for %v", tt.name, p.pingTimeout)
		}
	}
}
