package main

import (
	"errors"
	"io/fs"
	"os"
)

// countSockets counts the process's network namespace by whose; nil if the
// kernel does not say.
func countSockets(whose func(local, remote int) side) *sockets {
	s := &sockets{Client: states{}, Server: states{}}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && name == "/proc/net/tcp6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil
		}
		err = s.parseTCP(f, whose)
		f.Close()
		if err != nil {
			return nil
		}
	}
	return s
}

// outRsts is the number of RST segments sent so far; nil if the kernel does not say.
func outRsts() *int64 {
	f, err := os.Open("/proc/net/snmp")
	if err != nil {
		return nil
	}
	defer f.Close()
	n, err := parseOutRsts(f)
	if err != nil {
		return nil
	}
	return &n
}

// descriptors is the number of open file descriptors; nil if unknown.
func descriptors() *int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	n := len(entries) - 1 // the one that ReadDir had open
	return &n
}
