package testserver

import (
	"fmt"
	"net"
	"syscall"
)

// Swallow has the kernel drop each packet that comes for the connection, before TCP sees it,
// like a network that has forgotten it: so none is acknowledged, and neither side hears of it.
// It looks below TLS.
func Swallow(nc net.Conn) error {
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	c, ok := nc.(syscall.Conn)
	if !ok {
		return fmt.Errorf("testserver: a %T has no socket", nc)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		//lint:ignore SA1019 golang.org/x/net would be a dependency
		failed = syscall.AttachLsf(int(fd), []syscall.SockFilter{*syscall.LsfStmt(syscall.BPF_RET+syscall.BPF_K, 0)})
	})
	if err == nil {
		err = failed
	}
	return err
}

// CannotSwallow says why Swallow does nothing on this system; empty if it does.
func CannotSwallow() string { return "" }
