package ledger

import (
	"net"
	"testing"
)

type oddAddr string

func (oddAddr) Network() string  { return "odd" }
func (a oddAddr) String() string { return string(a) }

// odd is a connection that can't be compared.
type odd struct {
	fakeConn
	_ []int
}

func TestPeerOf(t *testing.T) {
	for _, row := range []struct {
		addr net.Addr
		want Peer
	}{
		{nil, Peer{}},
		{(*net.TCPAddr)(nil), Peer{}},
		{(*net.UnixAddr)(nil), Peer{}},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, Peer{"127.0.0.1", 80}},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 443}, Peer{"::1", 443}},
		{&net.UnixAddr{Name: "/run/x"}, Peer{"/run/x", 0}},
		{oddAddr("host:8x"), Peer{"host", 0}},
		{oddAddr("pipe"), Peer{"pipe", 0}},
	} {
		if got := PeerOf(row.addr); got != row.want {
			t.Errorf("%v: %v, want %v", row.addr, got, row.want)
		}
	}
}

func TestAConnectionIsHeldOnce(t *testing.T) {
	var c Conn
	a, b := new(fakeConn), new(fakeConn)
	first := c.netConnLocked(a)
	if c.netConnLocked(a) != first {
		t.Error("the same connection has another NetConn")
	}
	if h := c.netConnLocked(b); h == first || h.Conn != net.Conn(b) {
		t.Error("another connection is taken for the first")
	}
	for range 2 { // no panic
		if _, ok := c.netConnLocked(odd{}).Conn.(odd); !ok {
			t.Error("not the connection that was given")
		}
	}
}
