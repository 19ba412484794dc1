package testserver

import (
	"context"
	"net"
	"sync/atomic"
)

// InTurn dials one of the servers after the other, whatever the address, as a balancer
// that works by connections does: the first one first. All have the same certificate.
func InTurn(servers ...*Server) func(ctx context.Context, network, addr string) (net.Conn, error) {
	var turn atomic.Int64
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		s := servers[int(turn.Add(1)-1)%len(servers)]
		return s.Dial(ctx, network, s.Addr)
	}
}
