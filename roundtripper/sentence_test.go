package roundtripper_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/warmconn/warmconn/roundtripper"
)

func TestAnExchangeIsASentence(t *testing.T) {
	const host = "https://api.example:443"
	for _, row := range []struct {
		e    roundtripper.Exchange
		want string
	}{
		{roundtripper.Exchange{
			Method: "GET", Host: host, StatusCode: 200, Duration: 12300 * time.Microsecond, Outcome: roundtripper.OutcomeEOF,
			NewReason: roundtripper.ReasonBodyUnread, Culprit: roundtripper.Culprit{Caller: "/home/my code/list.go:40 main.(*lister).all"}, ConnWait: 3 * time.Millisecond,
			TLSVersion: tls.VersionTLS13, Resumed: true,
		}, "GET api.example:443 200 in 12 ms: new connection (body_unread by list.go:40), TLS 1.3 resumed, 3 ms"},
		{roundtripper.Exchange{
			Host: host, StatusCode: 200, Duration: 1260 * time.Millisecond, Outcome: roundtripper.OutcomeDrained,
			PoolWait: 20 * time.Millisecond, Reused: true, WasIdle: true, IdleTime: 30 * time.Second, BytesDrained: 4096, DrainTime: 40 * time.Microsecond,
		}, "GET api.example:443 200 in 1.3 s: queued for 20 ms, reused connection, idle for 30.0 s, 4096 bytes drained in 40 µs"},
		{roundtripper.Exchange{
			Method: "PUT", Host: host, StatusCode: 503, Duration: time.Millisecond, Outcome: roundtripper.OutcomeSkipped, Skipped: "too_large",
			Reused: true, LostReason: roundtripper.ReasonBodyUnread,
		}, "PUT api.example:443 503 in 1 ms: reused connection, body not drained (too_large), connection lost (body_unread)"},
		{roundtripper.Exchange{
			Method: "GET", Host: host, Duration: time.Millisecond, Outcome: roundtripper.OutcomeFailed, Err: fmt.Errorf("SECRET: %w", io.ErrUnexpectedEOF),
			NewReason: roundtripper.ReasonServerClose, Culprit: roundtripper.Culprit{SpanID: [8]byte{0xab}},
		}, "GET api.example:443 failed (eof) in 1 ms: new connection (server_close by span ab00000000000000)"},
		{roundtripper.Exchange{Method: "GET", Host: host, Duration: time.Millisecond, Outcome: roundtripper.OutcomeCanceled, Err: errors.New("SECRET")},
			"GET api.example:443 canceled in 1 ms"},
		{roundtripper.Exchange{Method: "GET", Host: host, Outcome: roundtripper.OutcomeRefused, Err: errors.New("SECRET")},
			"GET api.example:443 refused (_OTHER) in 0 µs"},
		{roundtripper.Exchange{Method: "GET", Host: host, StatusCode: 200, Duration: time.Minute, Outcome: roundtripper.OutcomeLeaked, Reused: true},
			"GET api.example:443 200 in 60.0 s: reused connection, body leaked"},
		{roundtripper.Exchange{Method: "GET", Host: host, StatusCode: 200, NewReason: roundtripper.ReasonFirst, ConnWait: time.Millisecond, QueueWait: time.Second, TLSVersion: tls.VersionTLS12},
			"GET api.example:443 200 so far: queued for 1.0 s, new connection (first), TLS 1.2, 1 ms"},
		{roundtripper.Exchange{Method: "GET\n", Host: "a b\x00"}, `GET? "a b\x00" so far`},
	} {
		if got := row.e.String(); got != row.want {
			t.Errorf("got  %s\nwant %s", got, row.want)
		}
		for _, format := range []string{"%v", "%s"} {
			if got := fmt.Sprintf(format, row.e); got != row.want {
				t.Errorf("%s prints %s", format, got)
			}
		}
	}
}
