//go:build unix

package main

import "syscall"

// descriptorLimit is the number of descriptors that the process may open. The
// Go runtime has raised the soft limit to the hard one before main began.
func descriptorLimit() (int, bool) {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 0, false
	}
	return int(min(uint64(lim.Cur), 1<<30)), true
}
