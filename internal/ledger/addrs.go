package ledger

import "net"

// LocalAddr returns nc's own address; nil if it has none. See RemoteAddr.
func LocalAddr(nc net.Conn) (a net.Addr) {
	defer func() {
		if recover() != nil {
			a = nil
		}
	}()
	return nc.LocalAddr()
}

// RemoteAddr returns the address of nc's other end; nil if it has none. A connection of the
// program's dialer may panic when it is asked, as one with an embedded net.Conn that is nil
// does. Net/http does not ask, so the request must not fail for that here.
func RemoteAddr(nc net.Conn) (a net.Addr) {
	defer func() {
		if recover() != nil {
			a = nil
		}
	}()
	return nc.RemoteAddr()
}
