package testserver

import (
	"context"
	"net"
	"sync/atomic"
)

// InTurn returns a dial function that dials the servers in turn, for any address, like a
// balancer of connections. All of them have the same certificate.
func InTurn(servers ...*Server) func(ctx context.Context, network, addr string) (net.Conn, error) {
	var turn atomic.Int64
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		s := servers[int(turn.Add(1)-1)%len(servers)]
		return s.Dial(ctx, network, s.Addr)
	}
}
