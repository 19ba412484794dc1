package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

type options struct {
	rounds  int
	sample  time.Duration
	warmup  int
	count   int // requests whose allocations are counted at a time
	profile string
	time    time.Duration
	stacks  []stack
	cells   []cell
}

// parse reads the flags. What is wrong with them has been printed when it returns
// an error.
func parse(args []string, stderr io.Writer) (*options, error) {
	var (
		o     = options{count: 200}
		fs    = flag.NewFlagSet("cells", flag.ContinueOnError)
		quick = fs.Bool("quick", false, "the same as -rounds 3 -sample 10ms -warmup 600")
		only  = fs.String("only", "", "the `STACKS` to compare with bare net/http, by comma; empty means all")
		match = fs.String("cell", "", "a regular `EXPRESSION` for the names of cells; empty means all")
	)
	fs.SetOutput(stderr)
	fs.IntVar(&o.rounds, "rounds", 12, "how many samples each stack has in each cell")
	fs.DurationVar(&o.sample, "sample", 60*time.Millisecond, "how long a sample of bare net/http takes")
	fs.IntVar(&o.warmup, "warmup", 1000, "how many requests each client sends before its first sample")
	fs.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile to `FILE`, of the one stack and cell that -only and -cell name, and no table")
	fs.DurationVar(&o.time, "time", 10*time.Second, "how long the profile is")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if *quick {
		o.rounds, o.sample, o.warmup = 3, 10*time.Millisecond, 600
	}
	if err := o.choose(*only, *match, fs.NArg()); err != nil {
		fmt.Fprintln(stderr, "cells:", err)
		return nil, err
	}
	return &o, nil
}

func (o *options) choose(only, match string, rest int) error {
	if rest > 0 {
		return errors.New("there are no arguments, only flags")
	}
	if o.rounds < 1 || o.sample <= 0 || o.time <= 0 {
		return errors.New("-rounds, -sample and -time must be above zero")
	}
	expr, err := regexp.Compile(match)
	if err != nil {
		return fmt.Errorf("-cell: %w", err)
	}
	var names []string
	for _, c := range allCells() {
		names = append(names, c.String())
		if expr.MatchString(c.String()) {
			o.cells = append(o.cells, c)
		}
	}
	if len(o.cells) == 0 {
		return fmt.Errorf("-cell %q is none of\n%s", match, strings.Join(names, "\n"))
	}
	if o.stacks, err = chosen(only); err != nil {
		return err
	}
	if o.profile != "" {
		// Bare net/http comes first and is there for the ratio, which a profile has not.
		o.stacks = slices.DeleteFunc(o.stacks, func(s stack) bool { return s.name != only })
		if len(o.stacks) != 1 || len(o.cells) != 1 {
			return errors.New("-cpuprofile needs one stack, by -only, and one cell, by -cell")
		}
	}
	return nil
}

// chosen are the stacks that only names, and bare net/http in front of them.
func chosen(only string) ([]stack, error) {
	all := allStacks()
	if only == "" {
		return all, nil
	}
	want := strings.Split(only, ",")
	for _, name := range want {
		if !slices.ContainsFunc(all, func(s stack) bool { return s.name == name }) {
			var names []string
			for _, s := range all {
				names = append(names, s.name)
			}
			return nil, fmt.Errorf("-only %q is none of %s", name, strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(all, func(s stack) bool { return s.name != bare && !slices.Contains(want, s.name) }), nil
}
