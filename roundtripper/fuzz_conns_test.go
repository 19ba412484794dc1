package roundtripper_test

import (
	"net"
	"sync"
)

// openConns are the connections of one play, as its dialer knows them.
type openConns struct {
	mu sync.Mutex
	by map[string]int // the number of connections by local address
}

// add enters a connection, until it is closed.
func (o *openConns) add(nc net.Conn) net.Conn {
	addr := nc.LocalAddr().String()
	o.count(addr, +1)
	return &openConn{nc, sync.OnceFunc(func() { o.count(addr, -1) })}
}

func (o *openConns) count(addr string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by == nil {
		o.by = make(map[string]int)
	}
	if o.by[addr] += n; o.by[addr] == 0 {
		delete(o.by, addr)
	}
}

func (o *openConns) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.by)
}

// any reports whether one of addrs is open.
func (o *openConns) any(addrs []net.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range addrs {
		if o.by[a.String()] > 0 {
			return true
		}
	}
	return false
}

type openConn struct {
	net.Conn
	closed func()
}

func (c *openConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
