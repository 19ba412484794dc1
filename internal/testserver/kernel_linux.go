package testserver

import (
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/warmconn/warmconn/internal/tcpinfo"
)

// Established returns how many connections from this process to the server the kernel has,
// counted at the clients' end; ok is false where the kernel does not tell. Connections of
// other processes are not counted: they may be to a server that had the port before.
//
// Each socket of this process is asked. The kernel's table of all sockets, /proc/net/tcp,
// takes tens of milliseconds on a machine on which many were closed in the last minute.
func (s *Server) Established() (n int, ok bool) {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return 0, false
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return 0, false
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, false
	}
	peers, told := 0, 0
	for _, entry := range fds {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if peer, err := syscall.Getpeername(fd); err != nil || portOf(peer) != number {
			continue
		}
		peers++
		is, ok := established(fd)
		if ok {
			told++
		}
		if is {
			n++
		}
	}
	return n, told > 0 || peers == 0
}

func portOf(a syscall.Sockaddr) int {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return a.Port
	case *syscall.SockaddrInet6:
		return a.Port
	}
	return 0
}

// established reports whether the socket is in the state in which both ends are open, and whether
// the kernel tells.
func established(fd int) (is, ok bool) {
	const open = 1 // TCP_ESTABLISHED
	info, ok := tcpinfo.Of(uintptr(fd))
	return info.State == open, ok
}
