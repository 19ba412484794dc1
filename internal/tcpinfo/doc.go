// Package tcpinfo asks Linux what it knows of a TCP connection. Package syscall has the struct
// TCPInfo, but no function for it. On other systems this package is empty.
package tcpinfo
