package ledger

import (
	"net"
	"testing"
)

// panics is an address of a program's own kind.
type panics struct{ net.Addr }

func TestAddrText(t *testing.T) {
	for _, tt := range []struct {
		addr net.Addr
		want string
	}{
		{nil, ""},
		{(*net.TCPAddr)(nil), ""},
		{(*net.UnixAddr)(nil), ""},
		{panics{}, ""},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, "192.0.2.1:80"},
	} {
		if got := AddrText(tt.addr); got != tt.want {
			t.Errorf("%T is %q, want %q", tt.addr, got, tt.want)
		}
	}
}
