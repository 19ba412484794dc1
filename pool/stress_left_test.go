package pool_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
)

// left is what a run may leave: goroutines, and sockets among the descriptors.
type left struct{ goroutines, sockets int }

func leftNow() left { return left{runtime.NumGoroutine(), sockets()} }

// sockets are those that the process has open; 0 where the system does not say.
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

// wait waits until no more is there than before. Goroutines of tests that ran
// before may end meanwhile.
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
