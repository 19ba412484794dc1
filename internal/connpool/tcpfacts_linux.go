package connpool

import (
	"syscall"
	"time"
	"unsafe"

	"github.com/warmconn/warmconn/internal/tcpinfo"
)

// askTCP asks for TCP_INFO and SIOCOUTQ.
func askTCP(fd uintptr) (f tcpFacts, ok bool) {
	info, ok := tcpinfo.Of(fd)
	if !ok {
		return f, false
	}
	var queued int32
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&queued))) // #nosec G103 -- the kernel writes one int
	if errno != 0 {
		return f, false
	}
	// The time-out doubles each time: this is the first one.
	rto := info.Rto >> min(info.Backoff, 16)
	return tcpFacts{
		unacked:     int(info.Unacked),
		outstanding: int64(queued),
		retransmits: int(info.Retransmits),
		repeated:    int(info.Total_retrans),
		rto:         time.Duration(rto) * time.Microsecond,
		rtt:         time.Duration(info.Rtt) * time.Microsecond,
		rttVar:      time.Duration(info.Rttvar) * time.Microsecond,
	}, true
}
