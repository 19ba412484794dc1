package testserver

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Established is how many connections from this process to the server the kernel has,
// counted at the clients' end; false where it does not say. Those of other processes
// may go to a server that had the port before.
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
	remote := fmt.Sprintf(":%04X", number)
	own := ownSockets()
	for line := range strings.Lines(string(text)) {
		// sl, local, remote, state, and inode as the tenth; 01 is ESTABLISHED.
		f := strings.Fields(line)
		if len(f) < 10 || !strings.HasSuffix(f[2], remote) || f[3] != "01" {
			continue
		}
		// Once each: the table is read in pieces, and while others change it a
		// socket may come again.
		if socket := "socket:[" + f[9] + "]"; own[socket] {
			delete(own, socket)
			n++
		}
	}
	return n, true
}

// ownSockets are the sockets that this process has open, as its descriptors name them.
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
