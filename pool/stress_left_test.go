package pool_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
)

// left counts the things that a run may leave behind: goroutines, and sockets among the
// descriptors.
type left struct{ goroutines, sockets int }

func leftNow() left { return left{runtime.NumGoroutine(), sockets()} }

// sockets returns how many the process has open; 0 where the system does not tell.
func sockets() (n int) {
	const dir = "/proc/self/fd/"
	list, _ := os.ReadDir(dir)
	for _, fd := range list {
		if name, err := os.Readlink(dir + fd.Name()); err == nil && strings.HasPrefix(name, "socket:") {
			n++
		}
	}
	return n
}

// wait waits until there are no more than before. Goroutines of earlier tests may end meanwhile.
func (l left) wait(t *testing.T) {
	t.Helper()
	var now left
	defer func() {
		if t.Failed() {
			stacks := make([]byte, 1<<20)
			t.Logf("%+v, before %+v\n%s", now, l, stacks[:runtime.Stack(stacks, true)])
		}
	}()
	eventually.True(t, fmt.Sprintf("no more than %+v to be left", l), func() bool {
		now = leftNow()
		return now.goroutines <= l.goroutines && now.sockets <= l.sockets
	})
}
