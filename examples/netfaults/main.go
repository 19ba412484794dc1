// Command netfaults shows five faults that lie between an HTTP client and its server: each
// with plain net/http (before) and with pool over the same transport (after), in one run,
// against servers that it starts itself on loopback.
//
//	go run ./examples/netfaults
//
// It takes about half a minute, never more than one, and exits with 1 if a row does not
// show what it should.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/warmconn/warmconn/internal/progress"
)

// budget is the time for everything.
const budget = 55 * time.Second

// fault is what rows are about: one for each variant and protocol.
type fault struct {
	name string
	show func(ctx context.Context, variant string) []*row
}

var faults = []fault{
	{"the server's idle limit", idleLimit},
	{"a path that died", deadPath},
	{"a name that moved", movedName},
	{"three backends, one connection", backends},
	{"100 first requests", herd},
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	code := run(ctx, faults, os.Stdout, os.Stderr)
	cancel()
	os.Exit(code)
}

// run is the program; it returns its exit code.
func run(ctx context.Context, faults []fault, stdout, stderr io.Writer) int {
	p := progress.New(stderr)
	var rows []*row
	failed := false
	for _, f := range faults {
		for _, variant := range []string{before, after} {
			p.Show("%s, %s", f.name, variant)
			for _, r := range f.show(ctx, variant) {
				r.fault, r.variant = f.name, variant
				failed = failed || r.wrong != ""
				rows = append(rows, r)
			}
		}
	}
	p.Done()
	fmt.Fprintf(stdout, "warmconn netfaults on %s %s/%s, GOMAXPROCS %d\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	if err := writeTable(stdout, rows); err != nil {
		fmt.Fprintln(stderr, "netfaults:", err)
		return 1
	}
	if failed {
		return 1
	}
	return 0
}
