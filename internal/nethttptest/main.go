// Nethttptest runs net/http's own tests, or those of another package of the standard library
// that sends requests, with layers of the kit over every *http.Transport, and tells which of
// them fail against expectation; and otelhttp's tests with trace in the place of its Transport.
//
//	go run ./internal/nethttptest                                   # every stack, all tests
//	go run ./internal/nethttptest -layers pool -run 'TestTransport' # a stack, some tests
//	go run ./internal/nethttptest -layers pool -all                 # as if nothing were in expected.txt
//	go run ./internal/nethttptest -race -short -layers pool,kit
//	go run ./internal/nethttptest -package net/http/httputil         # ReverseProxy over the layers
//	go run ./internal/nethttptest -package go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp
//	GOTOOLCHAIN=go1.27.4 go run ./internal/nethttptest
//
// The stacks are in testdata/layers_test.go. The tests that are known to fail are in
// expected.txt, with the reasons. The tests are those of the Go release that runs, in its
// own directory, built with go test -overlay: net/http gets a hook in RoundTrip, Clone
// and CloseIdleConnections (overlay.go, testdata/layers.go), and the tests get one
// more file, which puts the layers there.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	var o options
	layers := flag.String("layers", "", "stacks to put over each transport, see testdata; empty means all")
	flag.StringVar(&o.pkg, "package", "net/http", "whose tests to run")
	flag.StringVar(&o.run, "run", "", "only the tests that match, as with go test")
	flag.BoolVar(&o.short, "short", false, "go test's -short: in parallel, without looking for leaked goroutines")
	flag.BoolVar(&o.race, "race", false, "with the race detector")
	all := flag.Bool("all", false, "run what expected.txt says hangs, and report everything that fails")
	flag.Parse()
	if *layers == "" {
		*layers = "bare,observe,pool,kit,foreign"
		if o.pkg == otelhttp {
			*layers = "bare,trace,kit"
		}
	}
	ok, err := check(o, strings.Split(*layers, ","), *all)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nethttptest:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// check reports whether all went as expected.
func check(o options, layers []string, all bool) (bool, error) {
	var known []expectation
	if !all {
		var err error
		if known, err = parseExpected(expectedText); err != nil {
			return false, err
		}
	}
	dir, err := os.MkdirTemp("", "nethttptest")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	b, err := build(dir, o)
	if err != nil {
		return false, err
	}
	ok := true
	for _, l := range layers {
		mine := expectedOf(known, b.tests, l, b.version)
		results, err := b.test(l, o, mine.notRun(o.race))
		if err != nil {
			return false, err
		}
		if !mine.judge(os.Stdout, fmt.Sprintf("%s: %s on %s", b.pkg, l, b.version), results, o.race) {
			ok = false
		}
	}
	return ok, nil
}
