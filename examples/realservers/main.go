// Command realservers compares bare net/http with the kit against real servers
// on loopback: nginx and node, which it starts itself, in the situations where
// the kit once cost throughput or connections. All variants run in one process,
// slice by slice in turns, each with a transport of its own.
//
//	go run . [-rounds 25] [-slice 150ms] [-scenario REGEXP] [-check]
//
// With -check it exits with 1 if a variant of the kit is slower than bare
// net/http, opens more than 1.1 times its connections, or has a kind of error
// that bare net/http does not have. A scenario whose server is not installed is
// skipped, and said to be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; it returns its exit code: 1 if a scenario could not be
// measured or, with -check, is out of bounds, 2 for wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	return o.measure(ctx, stdout)
}

// measure runs the scenarios and prints what they show.
func (o *options) measure(ctx context.Context, stdout io.Writer) int {
	code := 0
	fail := func(format string, args ...any) {
		fmt.Fprintf(stdout, format+"\n", args...)
		code = 1
	}
	fmt.Fprintf(stdout, "%s %s/%s, GOMAXPROCS %d; %d rounds of slices that take bare net/http some %s\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), o.rounds, o.slice)
	t := newTable(stdout)
	for _, s := range o.scenarios {
		c, err := s.compare(ctx, o.rounds, o.slice)
		if missing, ok := errors.AsType[*child.MissingError](err); ok {
			fmt.Fprintf(stdout, "SKIPPED %s: %v\n", s.name, missing)
			continue
		}
		if err != nil {
			fail("FAILED %s: %v", s.name, err)
			continue
		}
		t.write(c)
		if !o.check {
			continue
		}
		for _, text := range c.outOfBounds(o.slack) {
			fail("OUT OF BOUNDS %s, %s", s.name, text)
		}
	}
	t.legend()
	return code
}
