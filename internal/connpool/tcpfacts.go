package connpool

import (
	"net"
	"syscall"
	"time"
)

// TCPFacts are the kernel's facts of a connection; zero where it does not tell.
type TCPFacts struct {
	RTT         time.Duration // smoothed
	Retransmits int           // in all
}

// AskKernel asks the kernel for the socket of f, also if the program's own dialer made it.
// It may call that dialer's code, so no lock may be held.
func (f *ConnFacts) AskKernel() (facts TCPFacts) {
	if all, ok := tcpFactsOf(f.socket); ok {
		facts = TCPFacts{RTT: all.rtt, Retransmits: all.repeated}
	}
	return facts
}

// tcpFacts are the kernel's facts of a connection that package connpool needs.
type tcpFacts struct {
	unacked     int           // packets sent that the peer has not acknowledged
	acked       int64         // bytes that the peer has acknowledged, in all
	retransmits int           // time-outs since the peer last acknowledged something new
	repeated    int           // packets that were sent again, in all
	rto         time.Duration // the first time-out: see askTCP
	rtt, rttVar time.Duration
}

// tcpFactsOf asks the kernel for the socket of nc. It is not ok if nc shows no TCP socket, if
// that is closed, or if this system is not asked. While the kernel is asked, Control keeps
// the socket open, so that its number can't become another socket's. Net/http
// never asks for the socket, so a dialer's wrapper may panic when it is asked: it tells nothing.
func tcpFactsOf(nc net.Conn) (f tcpFacts, ok bool) {
	defer func() {
		if recover() != nil {
			f, ok = tcpFacts{}, false
		}
	}()
	if rc := rawConn(nc); rc != nil {
		rc.Control(func(fd uintptr) { f, ok = askTCP(fd) })
	}
	return f, ok
}

// wrappersMost is how many wrappers are looked through, for one might lead to itself.
const wrappersMost = 8

// rawConn finds the socket below a dialer's wrappers by their methods NetConn, like
// *tls.Conn's; nil if they do not lead there.
func rawConn(nc net.Conn) syscall.RawConn {
	for range wrappersMost {
		if s, ok := nc.(syscall.Conn); ok {
			rc, err := s.SyscallConn()
			if err != nil {
				return nil
			}
			return rc
		}
		w, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		nc = w.NetConn()
	}
	return nil
}
