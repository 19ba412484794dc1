//go:build linux && !386 && !s390x

package connpool

import (
	"net"
	"syscall"
	"time"
	"unsafe"
)

// tcpFactsOf asks the kernel for nc's TCP_INFO, and SIOCOUTQ. It is false if nc shows no TCP socket. (On
// 386 and s390x the call has another form, and package syscall none for it.)
func tcpFactsOf(nc net.Conn) (f tcpFacts, ok bool) {
	sc, is := tcpOf(nc).(syscall.Conn)
	if !is {
		return f, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return f, false
	}
	var info syscall.TCPInfo
	size := uint32(unsafe.Sizeof(info))
	var queued int32
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 {
			_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&queued)))
		}
	})
	if err != nil || errno != 0 || uintptr(size) < unsafe.Sizeof(info) {
		return f, false
	}
	// The time-out doubles each time that it comes: that of the first is wanted.
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

// tcpOf is the socket below what a dialer returned, if it shows it.
func tcpOf(nc net.Conn) net.Conn {
	for range 4 { // TLS on a proxy's TLS, and a wrapper around each
		below, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		nc = below.NetConn()
	}
	return nc
}
