package tcpinfo

import (
	"net"
	"os"
	"testing"
)

func TestAConnectionIsEstablishedAndAFileIsNone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		const established = 1
		if info, ok := Of(fd); !ok || info.State != established || info.Rtt == 0 || info.Snd_mss == 0 {
			t.Errorf("%v, %+v", ok, info)
		}
	}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, ok := Of(f.Fd()); ok {
		t.Errorf("of a file: %+v", info)
	}
}
