package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/tcpinfo"
)

// askTCP asks for TCP_INFO.
func askTCP(fd uintptr) (f tcpFacts, ok bool) {
	info, ok := tcpinfo.Of(fd)
	if !ok {
		return f, false
	}
	// The time-out doubles each time: this is the first one.
	rto := info.Rto >> min(info.Backoff, 16)
	return tcpFacts{
		unacked:     int(info.Unacked),
		acked:       int64(info.BytesAcked), // #nosec G115 -- no connection carries 2^63 bytes
		retransmits: int(info.Retransmits),
		repeated:    int(info.Total_retrans),
		rto:         time.Duration(rto) * time.Microsecond,
		rtt:         time.Duration(info.Rtt) * time.Microsecond,
		rttVar:      time.Duration(info.Rttvar) * time.Microsecond,
	}, true
}
