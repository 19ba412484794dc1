package tcpinfo

import (
	"io"
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
	const said = 100
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if _, err := c.Write(make([]byte, said)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(accepted, make([]byte, said)); err != nil {
		t.Fatal(err)
	}
	if _, err := accepted.Write([]byte{1}); err != nil { // an acknowledgement goes with it
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		const established = 1
		if info, ok := Of(fd); !ok || info.State != established || info.Rtt == 0 || info.Snd_mss == 0 || info.BytesAcked != 1+said {
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
