//go:build !linux || 386 || s390x

package connpool

// askTCP: this system is not asked.
func askTCP(uintptr) (f tcpFacts, ok bool) { return f, false }
