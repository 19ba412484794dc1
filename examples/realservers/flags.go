package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"time"
)

// options are the flags.
type options struct {
	rounds    int
	slice     time.Duration
	check     bool
	slack     float64
	scenarios []scenario
}

func parse(args []string, stderr io.Writer) (*options, error) {
	fs := flag.NewFlagSet("realservers", flag.ContinueOnError)
	fs.SetOutput(stderr)
	var (
		o    options
		list = fs.Bool("l", false, "print the names of the scenarios, and nothing else")
		only = fs.String("scenario", "", "run only the scenarios whose name matches this `regexp`")
	)
	fs.IntVar(&o.rounds, "rounds", 25, "slices of each variant")
	fs.DurationVar(&o.slice, "slice", 150*time.Millisecond, "how long a slice of bare net/http takes; all slices of a scenario have as many requests")
	fs.BoolVar(&o.check, "check", false, "exit with 1 if a variant of the kit is out of bounds")
	fs.Float64Var(&o.slack, "slack", 0.06, "what -check forgives in requests/s, as a part of bare net/http's")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	pattern, err := regexp.Compile(*only)
	if err == nil {
		for _, s := range scenarios() {
			if pattern.MatchString(s.name) {
				o.scenarios = append(o.scenarios, s)
			}
		}
	}
	switch {
	case err != nil:
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.rounds < 1 || o.slice <= 0 || o.slack < 0:
		err = errors.New("-rounds and -slice must be positive, -slack must not be negative")
	case len(o.scenarios) == 0:
		err = fmt.Errorf("no scenario matches %q; -l lists them", *only)
	}
	if err != nil {
		fmt.Fprintln(stderr, "realservers:", err)
		return nil, err
	}
	if *list {
		for _, s := range o.scenarios {
			fmt.Fprintln(stderr, s.name)
		}
		return nil, flag.ErrHelp
	}
	return &o, nil
}
