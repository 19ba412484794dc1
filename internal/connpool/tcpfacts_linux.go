//go:build linux && !386 && !s390x

package connpool

import (
	"syscall"
	"time"
	"unsafe"
)

// askTCP asks for TCP_INFO and SIOCOUTQ. Package syscall has the struct, but no function for
// it; and on 386 and s390x the call has another form. An older kernel fills in fewer fields,
// and a newer one no more than these.
func askTCP(fd uintptr) (f tcpFacts, ok bool) {
	var info syscall.TCPInfo
	size := uint32(unsafe.Sizeof(info))
	var queued int32
	_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0) // #nosec G103 -- the kernel fills in a struct of syscall's, of the size that it is told
	if errno == 0 {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&queued))) // #nosec G103 -- the kernel writes one int
	}
	if errno != 0 || uintptr(size) < unsafe.Sizeof(info) {
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
