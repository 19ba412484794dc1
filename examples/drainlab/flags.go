package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	quick, check, all bool
	rounds            int
	seed              uint64
	time              time.Duration
	only              *regexp.Regexp
	out               string
}

func parse(args []string, stderr io.Writer) (*options, error) {
	fs := flag.NewFlagSet("drainlab", flag.ContinueOnError)
	fs.SetOutput(stderr)
	var (
		o     options
		cells = fs.String("cells", "", "only cells whose name matches this `regexp`, like chunked/tls/20ms/64KiB or late-tail/plain/0ms")
	)
	fs.BoolVar(&o.quick, "quick", false, "a small sweep in 8 seconds, for a look; its numbers are rough")
	fs.BoolVar(&o.check, "check", false, "exit with 1 if the kit misses its goals")
	fs.BoolVar(&o.all, "v", false, "print every cell")
	fs.IntVar(&o.rounds, "rounds", 0, "trials of each policy in each cell; 0: 3, and 2 with -quick")
	fs.Uint64Var(&o.seed, "seed", 0, "what the random order comes from; 0: another one each time")
	fs.DurationVar(&o.time, "time", 0, "how long the run may take; trials get longer with it; 0: 85s, and 5s with -quick")
	fs.StringVar(&o.out, "out", "", "write drainlab.svg, cells.csv and trials.csv to this `directory`, which is made if need be")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if o.rounds == 0 {
		o.rounds = 3
		if o.quick {
			o.rounds = 2
		}
	}
	if o.time == 0 {
		o.time = 85 * time.Second
		if o.quick {
			o.time = 5 * time.Second
		}
	}
	for o.seed == 0 {
		o.seed = rand.Uint64() >> 32 // short enough to type
	}
	var err error
	o.only, err = regexp.Compile(*cells)
	switch {
	case err != nil:
		err = fmt.Errorf("-cells: %w", err)
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.rounds < 2:
		err = errors.New("-rounds: at least 2, for what rounds differ by is the resolution")
	case o.time < 0:
		err = errors.New("-time must not be negative")
	case len(o.cells()) == 0:
		err = fmt.Errorf("-cells %s matches none of: %s", *cells, names(o.grid().cells()))
	}
	if err != nil {
		fmt.Fprintln(stderr, "drainlab:", err)
		return nil, err
	}
	return &o, nil
}

func (o *options) grid() grid {
	if o.quick {
		return small
	}
	return full
}

// cells are those of the sweep that were asked for.
func (o *options) cells() []cell {
	var chosen []cell
	for _, c := range o.grid().cells() {
		if o.only.MatchString(c.String()) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

func names(cells []cell) string {
	var all []string
	for _, c := range cells {
		all = append(all, c.String())
	}
	return strings.Join(all, " ")
}
