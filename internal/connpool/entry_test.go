package connpool

import (
	"io"
	"net"
	"testing"
)

// A gzip body can be at its end, and its connection in use again, before its caller
// has read it.
func TestHookBeforeAReadIsOnlyForWhoHasTheConnection(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := &Conn{raw: &netConn{Conn: near}}
	before, has := &Entry{conn: c, phase: returned}, &Entry{conn: c, phase: given}
	called := false
	f, g := func() { called = true }, func() { t.Error("the hook of an exchange whose connection went back was called") }
	if !has.BeforeRead(&f) {
		t.Error("the exchange that has the connection was not given it")
	}
	if before.BeforeRead(&g) {
		t.Error("an exchange whose connection went back was given it")
	}
	before.Unread(&g) // does not take another exchange's func back
	go far.Write([]byte("x"))
	if _, err := io.ReadFull(c.raw, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if !called {
		t.Error("the hook of the exchange that has the connection was not called")
	}
}
