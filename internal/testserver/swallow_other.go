//go:build !linux

package testserver

import "net"

// Swallow does nothing on this system.
func Swallow(net.Conn) error { return nil }

// CannotSwallow says why.
func CannotSwallow() string { return "packets are swallowed by a socket filter of Linux" }
