package main

import (
	"net"
	"syscall"
	"time"

	"github.com/warmconn/warmconn/internal/tcpinfo"
)

// rto is after how long the kernel sends again what the peer has not acknowledged; 0 if it does
// not tell.
func rto(nc net.Conn) (d time.Duration) {
	c, ok := nc.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) {
		if info, ok := tcpinfo.Of(fd); ok {
			d = time.Duration(info.Rto) * time.Microsecond
		}
	})
	return d
}
