package ledger

import (
	"fmt"
	"testing"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/hosttable"
)

func TestDialedConnectionsAreCountedByWhatShows(t *testing.T) {
	l := New(nil)
	l.CountPeers()
	used, unused := l.CountDial("host.example:80", "192.0.2.1"), l.CountDial("host.example:80", "192.0.2.1")
	used.WasWritten()
	unused.WasRead() // a server that speaks unasked
	check := func(open int, lost string) {
		t.Helper()
		l.Counts(func(c Counts) {
			if c.Host != "host.example:80" || c.Watched || c.Open != open || c.Active != 0 || c.Opened != 2 || c.Closed != uint64(2-open) || fmt.Sprint(c.Lost) != lost ||
				c.Peers["192.0.2.1"][Unspoken].Open != open {
				t.Errorf("counts %+v; want %d open of 2, lost %s", c, open, lost)
			}
		})
	}
	check(2, "[]")
	used.Closed()
	used.Closed() // net/http may close it twice
	check(1, "[{unknown 1}]")
	unused.Closed()
	check(0, "[{unknown 1} {unused 1}]")
}

// A crawler goes to very many hosts, over a transport whose connections are only counted.
func TestHostsOfDialedConnectionsAreForgotten(t *testing.T) {
	l := New(nil)
	n := fullsize.Of(100_000, 20_000)
	for i := range n {
		l.CountDial(fmt.Sprintf("host%d.example:80", i), "").Closed()
	}
	if n := hosts(l); n > 2*hosttable.Shards*hosttable.SweepFrom {
		t.Errorf("%d hosts are kept", n)
	}
	if got := l.Totals().Tally(); got.Opened != uint64(n) || got.Closed != uint64(n) {
		t.Errorf("%d opened, %d closed in all", got.Opened, got.Closed)
	}
}
