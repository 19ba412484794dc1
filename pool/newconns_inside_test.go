package pool

import (
	"testing"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

func TestCulpritsAreBounded(t *testing.T) {
	var ns newConns
	for i := range 10 * newConnsMost {
		n := &stack.NewConn{Reason: ledger.BodyUnread}
		n.Culprit.Stack = []uintptr{uintptr(i + 1)}
		ns.add("http://host.example:80", n)
	}
	all := ns.list()
	if len(all) != newConnsMost+1 {
		t.Fatalf("%d NewConns, want those of %d stacks and one for all others", len(all), newConnsMost)
	}
	conns := uint64(0)
	for _, n := range all {
		conns += n.Conns
	}
	if conns != 10*newConnsMost || all[0].Conns != 9*newConnsMost || all[0].stack != nil {
		t.Errorf("%d connections, and %d without a stack, want %d and %d", conns, all[0].Conns, 10*newConnsMost, 9*newConnsMost)
	}
}
