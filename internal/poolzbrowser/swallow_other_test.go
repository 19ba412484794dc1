//go:build !linux

package poolzbrowser

import "net"

// swallow is nil where no path can be made to die.
var swallow func(net.Conn) error
