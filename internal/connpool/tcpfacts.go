package connpool

import (
	"net"
	"syscall"
	"time"
)

// TCPFacts are what the kernel says of a connection; zero where it does not.
type TCPFacts struct {
	RTT         time.Duration // smoothed
	Retransmits int           // in all
}

// AskKernel asks for the socket of f, whoever's dialer made it. It may call that
// dialer's code, so no lock may be held.
func (f *ConnFacts) AskKernel() (facts TCPFacts) {
	if all, ok := tcpFactsOf(f.socket); ok {
		facts = TCPFacts{RTT: all.rtt, Retransmits: all.repeated}
	}
	return facts
}

// tcpFacts are what the kernel knows of a connection.
type tcpFacts struct {
	unacked     int           // packets sent that the peer has not acknowledged
	outstanding int64         // bytes written that it has not, those not sent yet among them
	retransmits int           // time-outs since the peer has last acknowledged anything new
	repeated    int           // packets that were sent again, ever
	rto         time.Duration // the time-out for the first of them
	rtt, rttVar time.Duration
}

// tcpFactsOf asks the kernel for the socket of nc. It is false if nc shows no TCP
// socket, or the system is not asked. Of a socket that is closed meanwhile there are no
// facts: Control keeps it from being closed, and its number from being another's, while
// the kernel is asked.
func tcpFactsOf(nc net.Conn) (f tcpFacts, ok bool) {
	if rc := rawConn(nc); rc != nil {
		rc.Control(func(fd uintptr) { f, ok = askTCP(fd) })
	}
	return f, ok
}

// wrappersMost is how many wrappers are looked through: one might lead to itself.
const wrappersMost = 8

// rawConn finds the socket below a dialer's wrappers, by NetConn, as *tls.Conn has it;
// nil if they do not lead there.
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
