package pool_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/hosttable"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func TestStatsCountWhyConnectionsWereNew(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{MaxConnRequests: 2})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	for range 5 {
		if err := get(client, srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	s := p.Stats()
	want := "map[first:1 max_requests:2]"
	if got := fmt.Sprint(s.New); got != want {
		t.Errorf("in all: %s, want %s", got, want)
	}
	if len(s.Hosts) != 1 {
		t.Fatalf("%d hosts, want 1", len(s.Hosts))
	}
	if got := fmt.Sprint(s.Hosts[0].New); got != want {
		t.Errorf("of the host: %s, want %s", got, want)
	}
}

// What was counted of a host that was forgotten stays in the sums.
func TestStatsKeepWhyConnectionsOfForgottenHostsWereNew(t *testing.T) {
	t.Parallel()
	hosts := fullsize.Of(3000, hosttable.Shards*hosttable.SweepFrom+200)
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true}) // the dials would take most of the time
	defer srv.Close()
	base := &http.Transport{DisableKeepAlives: true, DialContext: srv.Dial}
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
	for i := range hosts {
		if err := get(client, fmt.Sprintf("http://host%d.example/", i)); err != nil {
			t.Fatal(err)
		}
	}
	s := p.Stats()
	var all, byCaller uint64
	for _, c := range s.New {
		all += c
	}
	for _, c := range s.NewByCaller {
		byCaller += c.Conns
	}
	if all != uint64(hosts) || byCaller != uint64(hosts) {
		t.Errorf("%d new connections counted by reason and %d by caller, of %d: %v", all, byCaller, hosts, s.New)
	}
	if len(s.Hosts) >= hosts {
		t.Errorf("%d hosts of %d are remembered: nothing was forgotten, and the test shows nothing", len(s.Hosts), hosts)
	}
}
