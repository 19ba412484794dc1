package poolz

import (
	"net"
	"testing"
)

// oddAddr is an address of the program's own dialer.
type oddAddr struct{ net.Addr }

func TestAnAddressThatPanicsIsNone(t *testing.T) {
	if got := addr(oddAddr{}); got != "" {
		t.Errorf("%q", got)
	}
	if got, want := addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}), "127.0.0.1:80"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
