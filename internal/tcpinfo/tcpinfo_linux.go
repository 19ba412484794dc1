package tcpinfo

import (
	"syscall"
	"unsafe"
)

// Of returns the TCP_INFO of a socket. A newer kernel fills in no more fields than
// syscall.TCPInfo has; ok is false for an older one, which fills in fewer, and where it is not
// a TCP socket.
func Of(fd uintptr) (info syscall.TCPInfo, ok bool) {
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := syscall.Syscall6(getsockopt, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0) // #nosec G103 -- the kernel fills in a struct of syscall's, of the size that it is told
	return info, errno == 0 && uintptr(size) >= unsafe.Sizeof(info)
}
