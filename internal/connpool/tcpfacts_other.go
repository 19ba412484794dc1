//go:build !linux

package connpool

// askTCP: on this system the kernel is not asked.
func askTCP(uintptr) (f tcpFacts, ok bool) { return f, false }
