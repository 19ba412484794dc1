// Command drainlab measures what it costs to close response bodies unread:
// under drain's policies, in one sweep over body sizes, framings, TLS and round
// trips, and for bodies that end late or never.
//
//	go run ./examples/drainlab                      # some 90 seconds
//	go run ./examples/drainlab -out DIR             # and a picture and two tables
//	go run ./examples/drainlab -cells 'tls/20ms' -v # a part of the sweep, all of its cells
//
// # What a trial is
//
// One client, new and knowing nothing, has one worker. After a request without a
// body, which opens its first connection, the clock starts: it sends a number of
// requests one after the other, each of whose bodies it closes unread when the
// headers are there, and at the end one more without a body, so that n bodies pay
// for n connections if they lose them. All policies but plain net/http run through the
// same layers (observe, drain, pool) and differ in drain.Options alone; what the
// kit has to learn it learns in those requests, and they count.
//
// Each cell gets a trial of each policy in each round, in random order, against a
// server of its own on loopback. What it shows is the median over the rounds.
// Where a cell mostly waits for its network, several cells run at once (plan.go).
//
// # What a ratio is
//
//	cost       of a request: (the trial's time - base) / requests
//	base       the cost of a request without a body, on the connection that is there
//	lost       cost - base: what the rest of the body has cost, by being drained
//	           or by the new connection that the next request needed
//	C          lost under always close
//	best       lost under the better of always close and always drain, which one
//	           knows only in hindsight
//	resolution twice the median distance of trials from the median of their kind
//	ratio      max(lost, resolution) / max(best, resolution)
//
// A cell in which neither always close nor always drain loses three times the
// resolution shows nothing, and is left out of the means and maxima. Always drain
// never ends an endless body: its ratio is infinite there, and it is not run.
//
// # What the network is
//
// A TCP proxy on loopback (network, wire) hands on what it gets half a round trip
// later, and the dialer waits for another round trip. It has latency and a window
// of 4 MiB, but no limit of bandwidth, no slow start and no loss. Client, server
// and proxy share the machine's processors.
//
// With -check the exit status is 1 if the kit misses its goals: see summary.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/warmconn/warmconn/internal/progress"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; it returns its exit code: 1 if it was interrupted, can't
// measure or, with -check, the kit misses its goals, 2 for wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	p := progress.New(stderr)
	l := &lab{policies: policies(), rounds: o.rounds, seed: o.seed, budget: o.time, fewest: 6, show: p.Show}
	if o.quick {
		l.fewest = 3
	}
	// A Close that never returns must not hang the run. A busy machine may take a minute for a few cells.
	ctx, cancel := context.WithTimeoutCause(ctx, 3*o.time+3*time.Minute, errors.New("the run takes far too long"))
	defer cancel()
	busy := "other programs took " + elsewhere() + " of the processors before the run"
	benches, err := l.run(ctx, o.cells())
	p.Done()
	if err != nil {
		fmt.Fprintln(stderr, "drainlab:", err)
		return 1
	}
	busy += ", " + elsewhere() + " after it"
	r := l.report(benches, append(header(args, o, time.Since(l.began)), busy))
	if err := errors.Join(r.write(stdout, o.all), r.files(o.out, benches)); err != nil {
		fmt.Fprintln(stderr, "drainlab:", err)
		return 1
	}
	if !o.check {
		return 0
	}
	why := missed(r.summaries, len(r.results), r.unresolved)
	if len(why) == 0 {
		fmt.Fprintln(stdout, "\ncheck: ok")
		return 0
	}
	fmt.Fprintf(stdout, "\ncheck: FAIL: %s\n", strings.Join(why, "; "))
	return 1
}

func (l *lab) report(benches []*bench, header []string) *report {
	r := &report{lab: l, header: header}
	for _, b := range benches {
		r.results = append(r.results, b.result(l))
	}
	r.summaries, r.unresolved = l.summarize(r.results)
	return r
}

// header says what ran, where and how: net/http differs by version.
func header(args []string, o *options, took time.Duration) []string {
	return []string{
		fmt.Sprintf("warmconn drainlab on %s %s/%s, GOMAXPROCS %d", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0)),
		strings.TrimSpace("command: go run ./examples/drainlab " + strings.Join(args, " ")),
		fmt.Sprintf("seed %d, %d rounds, %.0f s", o.seed, o.rounds, took.Seconds()),
	}
}

// files writes the picture and the tables, if a directory for them is named.
func (r *report) files(dir string, benches []*bench) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	write := func(name string, to func(io.Writer) error) error {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		return errors.Join(to(f), f.Close())
	}
	return errors.Join(
		write("drainlab.svg", r.writeSVG),
		write("cells.csv", r.writeCellsCSV),
		write("trials.csv", func(w io.Writer) error { return r.writeTrialsCSV(w, benches) }),
	)
}
