package pool_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A host whose name is not in ASCII has the limits and times of all others, in every spelling,
// and the Pool owns its connections.
func TestHostsWhoseNamesAreNotInASCIIAreHostsLikeAllOthers(t *testing.T) {
	srv := answers(t)
	p := pool.New(pool.Options{MaxConnRequests: 2, Hosts: map[string]pool.Limits{"xn--bcher-kva.example": {MaxPerHost: 3}}})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return srv.Dial(ctx, network, srv.Addr)
		},
	}}, p.Middleware)
	defer client.CloseIdleConnections() // when its figures were looked at, and not by the collector before
	for range 3 {
		for _, name := range []string{"bücher.example", "xn--bcher-kva.example"} {
			if err := fetch(client, "http://"+name+"/"); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := p.Stats()
	if len(s.Hosts) != 1 || s.Hosts[0].Host != "http://xn--bcher-kva.example:80" {
		t.Fatalf("hosts %+v, want one", s.Hosts)
	}
	if h := s.Hosts[0]; !h.Watched || h.Limit != 3 || h.Opened != 3 {
		t.Errorf("owned %v, limit %d, %d connections for 6 requests; want true, 3, 3", h.Watched, h.Limit, h.Opened)
	}
}
