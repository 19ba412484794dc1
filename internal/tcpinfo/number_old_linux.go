//go:build 386 || s390x

package tcpinfo

// getsockopt is the call's number since Linux 4.3. Package syscall has only the older way here,
// socketcall; an older kernel does not know this number, and tells nothing.
const getsockopt = 365
