package tcpinfo

import (
	"syscall"
	"unsafe"
)

// Info is TCP_INFO as Linux has it since 4.1.
type Info struct {
	syscall.TCPInfo
	PacingRate, MaxPacingRate uint64
	BytesAcked                uint64 // what the peer has acknowledged, its SYN's answer being one byte
}

// Of returns the TCP_INFO of a socket. A newer kernel fills in no more fields than Info has; ok
// is false for an older one, which fills in fewer, and where it is not a TCP socket.
func Of(fd uintptr) (info Info, ok bool) {
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := syscall.Syscall6(getsockopt, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0) // #nosec G103 -- the kernel fills in a struct of the size that it is told
	return info, errno == 0 && uintptr(size) >= unsafe.Sizeof(info)
}
