package testserver

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Established returns how many connections from this process to the server the kernel has,
// counted at the clients' end; ok is false where the kernel does not tell. Connections of
// other processes are not counted: they may be to a server that had the port before.
func (s *Server) Established() (n int, ok bool) {
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0, false
	}
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return 0, false
	}
	var number int
	fmt.Sscan(port, &number)
	established := fmt.Sprintf(":%04X 01 ", number) // the remote port and the state
	own := ownSockets()
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, established) {
			continue
		}
		f := strings.Fields(line) // the inode is the tenth
		if len(f) < 10 {
			continue
		}
		// Each socket is counted once: the table is read in pieces, and a socket may be
		// in two of them if other processes change it meanwhile.
		if socket := "socket:[" + f[9] + "]"; own[socket] {
			delete(own, socket)
			n++
		}
	}
	return n, true
}

// ownSockets returns the sockets that this process has open, by the names in its descriptors.
func ownSockets() map[string]bool {
	const dir = "/proc/self/fd/"
	own := make(map[string]bool)
	fds, _ := os.ReadDir(dir)
	for _, fd := range fds {
		if name, err := os.Readlink(dir + fd.Name()); err == nil {
			own[name] = true
		}
	}
	return own
}
