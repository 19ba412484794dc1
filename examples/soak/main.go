// Command soak sends requests for as long as it is told, by good and bad callers, to servers
// that misbehave, all on loopback: in turns with the kit and with bare net/http, each
// to a set of servers of its own that treats the same requests alike. Then it looks whether everything is back.
//
//	go run ./examples/soak -for 10m -svg soak.svg
//
// Bare net/http keeps as many idle connections as there are callers, so that its pool of
// two is not what is compared. It exits with 1 if
//
//   - a goroutine, a descriptor, a slot of the kit's or memory is not back at the end;
//   - a request failed with the kit that would not have with bare net/http, as far as
//     chance allows to say so: see judge.go;
//   - a response had a byte of another one.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/warmconn/warmconn/internal/progress"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program; it returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	length := flags.Duration("for", time.Minute, "how long to send requests")
	picture := flags.String("svg", "", "file for a picture of the run")
	workers := flags.Int("callers", 16, "how many callers send at once, to each of the two")
	if flags.Parse(args) != nil {
		return 2
	}
	if *length <= 0 || *workers <= 0 || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "soak: -for and -callers must be above zero, and there are no arguments")
		return 2
	}
	ground := standing()
	r, err := soak(*length, *workers, progress.New(stderr))
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
		return 1
	}
	// Nothing of the run is referred to any more but what it has found.
	r.left = append(r.left, ground.exceeded()...)
	r.samples = append(r.samples, atLast(r.samples))
	fmt.Fprintf(stdout, "warmconn soak on %s %s/%s, GOMAXPROCS %d, %v, 2 × %d callers\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), *length, *workers)
	if err := r.write(stdout); err != nil {
		fmt.Fprintln(stderr, "soak:", err)
		return 1
	}
	if *picture != "" {
		if err := r.writeSVG(*picture); err != nil {
			fmt.Fprintln(stderr, "soak:", err)
			return 1
		}
	}
	if len(r.left)+len(r.wrong) > 0 {
		return 1
	}
	return 0
}

// soak is the run.
func soak(length time.Duration, workers int, line *progress.Line) (*report, error) {
	all := []*variant{newVariant("net/http"), newVariant("with the kit")}
	bare, kit := all[0], all[1]
	defer bare.close()
	defer kit.close()
	for _, v := range all {
		if err := v.start(workers, v == kit, min(length, 3*time.Second)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	sampler := newSampler(length, bare, kit)
	done := make(chan struct{})
	go func() {
		defer close(done)
		callAll(ctx, workers, all)
	}()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		case <-sampler.tick.C:
			line.Show("%v of %v", sampler.take().Round(time.Second), length)
		}
	}
	line.Show("waiting for what is left")
	sampler.take()
	sampler.tick.Stop()
	r := &report{samples: sampler.samples, length: length, gc: sampler.collections(), bare: bare.sums(), kit: kit.sums()}
	r.left = append(r.left, kit.ends()...)
	bare.ends()
	r.bare.leftOpen, r.kit.leftOpen = bare.open(), kit.open()
	r.wrong = judge(r.samples, &r.bare, &r.kit)
	line.Done()
	return r, nil
}
