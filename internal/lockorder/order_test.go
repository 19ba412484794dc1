package lockorder_test

import (
	"testing"
	"unsafe"

	"sync"

	"github.com/warmconn/warmconn/internal/lockorder"
)

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

func TestTheOrderIsChecked(t *testing.T) {
	if !lockorder.Checked {
		t.Skip("SKIPPED: not checked in this build: go test -tags lockorder")
	}
	var outer, inner lockorder.Mutex[lockorder.Exchange]
	var host, other lockorder.Mutex[lockorder.Host]
	outer.Lock()
	inner.Lock()
	host.Lock()
	if !panics(other.Lock) {
		t.Error("two hosts' locks at once are not noticed")
	}
	host.Unlock()
	inner.Unlock()
	outer.Unlock()
	host.Lock()
	if !panics(outer.Lock) {
		t.Error("an exchange's lock behind a host's is not noticed")
	}
	host.Unlock()
	outer.Lock() // a lock that was released does not count any more
	defer outer.Unlock()
}

func TestAMutexIsAsLargeAsSyncs(t *testing.T) {
	if n := unsafe.Sizeof(lockorder.Mutex[lockorder.Host]{}); n != unsafe.Sizeof(sync.Mutex{}) {
		t.Errorf("%d bytes", n)
	}
}
