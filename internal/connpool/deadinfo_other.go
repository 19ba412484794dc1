//go:build !linux || 386 || s390x

package connpool

import "net"

// tcpFactsOf tells nothing here.
func tcpFactsOf(net.Conn) (f tcpFacts, ok bool) { return f, false }
