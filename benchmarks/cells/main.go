// Command cells compares what stacks add to net/http over loopback, in one run
// and one table.
//
//	go run ./cells                         # some five minutes
//	go run ./cells -quick                  # half a minute, and coarser
//	go run ./cells -cell 'http2/.*/1/'     # some of the cells
//	go run ./cells -cell http1/get-5B/50/background -only full -cpuprofile cpu.out
//
// # What a cell is
//
// A cell is a protocol, a kind of request, a number of workers that send them as
// fast as they can, and whether the request's context can be cancelled: each
// request has one of its own then, cancelled once its body is closed. Every
// stack has a client and connections of its own. The server is in the same
// process, so its work and its allocations count in every column. It is the same
// for all: the ratio understates what the client alone would show.
//
// # What is measured
//
// In each round each cell has a sample of each stack, one after the other in
// random order: some hundreds or thousands of requests, the same number for all
// stacks, after some that do not count. A sample's time is divided by that of bare
// net/http in the same cell and the same round, so that a machine that gets
// slower does so for both; the median over the rounds is shown. "wall" is time by
// the clock, "cpu" the process's, user and system. The column "again" is bare
// net/http a second time: what it differs from 1 is noise.
//
// Allocations are counted apart, without a collection in between, since that
// would empty net/http's own pools: they are exact with one worker. The
// collector runs as in any program while time is taken.
//
// An interrupt ends the run early: after the first round with a table of what
// there is.
//
// # What the last rows are
//
// "of what otelhttp adds" is what a stack adds to bare net/http, divided by what
// otelhttp adds: the median over the cells, and all cells' together, in which slow
// cells weigh more. A cell in which otelhttp adds nothing is left out.
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
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; it returns its exit code: 1 if it can't measure, 2 for
// wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	if err := o.run(ctx, args, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "cells:", err)
		return 1
	}
	return 0
}

func (o *options) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	l, err := open(o)
	if err != nil {
		return err
	}
	defer l.close()
	if o.profile != "" {
		return l.profile(ctx, stdout)
	}
	began, busy := time.Now(), watch()
	rounds, err := l.measure(ctx, stderr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s\n%s %s/%s, %d processors, %d rounds in %v; other programs took %s of the processors\n\n",
		strings.Join(append([]string{"cells"}, args...), " "), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0),
		rounds, time.Since(began).Round(time.Second), busy.others())
	return l.table().write(stdout)
}
