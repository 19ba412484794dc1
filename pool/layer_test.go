package pool_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/pool"
)

func TestDescribeNamesEveryLimit(t *testing.T) {
	own := map[string]pool.Limits{"host.example": {MaxPerHost: 1}}
	for want, o := range map[string]pool.Options{
		"pool: no limit;":                                                           {},
		"pool: at most 2 in flight per host;":                                       {MaxPerHost: 2},
		"pool: no limit but for single ones;":                                       {Hosts: own},
		"pool: no limit per host, at most 5 in all;":                                {MaxTotal: 5},
		"pool: at most 2 in flight per host but for single ones, at most 5 in all;": {MaxPerHost: 2, MaxTotal: 5, Hosts: own},
	} {
		if got := fmt.Sprint(pool.New(o).Middleware(noContent)); !strings.HasPrefix(got, want) {
			t.Errorf("described as %q, want %q", got, want)
		}
	}
}
