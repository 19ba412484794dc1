//go:build !386 && !s390x

package tcpinfo

import "syscall"

const getsockopt = syscall.SYS_GETSOCKOPT
