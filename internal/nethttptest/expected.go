package main

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

//go:embed expected.txt
var expectedText string

// expectation is a line of expected.txt.
type expectation struct {
	layers []string // nil: any
	goes   []string // releases like "1.26"; nil: any
	kind   string
	test   string // and its subtests
	reason string
}

const (
	fails = "fails"
	flaky = "flaky" // fails now and then
	hangs = "hangs" // or ends the process: not run
	aside = "aside" // is not run, for another reason
)

func parseExpected(text string) ([]expectation, error) {
	var all []expectation
	for i, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if len(f) < 5 || !slices.Contains([]string{fails, flaky, hangs, aside}, f[2]) {
			return nil, fmt.Errorf("expected.txt:%d: want: LAYERS GO fails|flaky|hangs|aside TEST REASON", i+1)
		}
		list := func(s string) []string {
			if s == "any" {
				return nil
			}
			return strings.Split(s, ",")
		}
		all = append(all, expectation{list(f[0]), list(f[1]), f[2], f[3], strings.Join(f[4:], " ")})
	}
	return all, nil
}

type expectations []expectation

// expectedOf returns the expectations for those tests, with the given layers and Go release, like
// "go1.26.8".
func expectedOf(all []expectation, tests []string, layers, version string) expectations {
	var es expectations
	for _, e := range all {
		onGo := e.goes == nil || slices.ContainsFunc(e.goes, func(g string) bool {
			return "go"+g == version || strings.HasPrefix(version, "go"+g+".") || strings.HasPrefix(version, "go"+g+"rc")
		})
		name, _, _ := strings.Cut(e.test, "/")
		if onGo && slices.Contains(tests, name) && (e.layers == nil || slices.Contains(e.layers, layers)) {
			es = append(es, e)
		}
	}
	return es
}

// notRun are the tests that hang, and those that are left aside. With the race detector they
// are all that may fail: a test of net/http's that has failed leaves handlers behind, which
// race with package testing, and each test beside it fails for that.
func (es expectations) notRun(race bool) []string {
	var names []string
	for _, e := range es {
		if e.kind == hangs || e.kind == aside || race {
			names = append(names, e.test)
		}
	}
	return names
}

// expects reports whether that test may fail.
func (es expectations) expects(test string) bool {
	return slices.ContainsFunc(es, func(e expectation) bool { return e.test == test || below(test, e.test) })
}

// judge prints how the tests ended, and reports whether all failures were expected. A test
// that passed against expectation is only printed: then the list must be mended.
func (es expectations) judge(w io.Writer, what string, r *results, race bool) bool {
	n := make(map[string]int)
	var expected, unexpected []string
	for _, test := range slices.Sorted(maps.Keys(r.ended)) {
		how := r.ended[test]
		if how == "fail" && r.outer(test) {
			continue // its subtest counts
		}
		n[how]++
		if how != "fail" {
			continue
		}
		if es.expects(test) {
			expected = append(expected, test)
		} else {
			unexpected = append(unexpected, test)
		}
	}
	fmt.Fprintf(w, "%s: %d pass, %d fail, %d skipped by themselves, %d not run\n", what, n["pass"], n["fail"], n["skip"], len(es.notRun(race)))
	for _, test := range expected {
		fmt.Fprintln(w, "\texpected failure:", test)
	}
	for _, e := range es {
		if e.kind == fails && r.passed(e.test) {
			fmt.Fprintf(w, "\tPASSED UNEXPECTEDLY, take it out of expected.txt: %s (%s)\n", e.test, e.reason)
		}
	}
	for _, test := range unexpected {
		fmt.Fprintf(w, "\tUNEXPECTED FAILURE: %s\n%s", test, excerpt(r.output[test]))
	}
	return len(unexpected) == 0
}

// outer reports whether a test has failed only because a subtest has.
func (r *results) outer(test string) bool {
	for sub, how := range r.ended {
		if how == "fail" && below(sub, test) {
			return true
		}
	}
	return false
}

// passed reports whether a test has passed, and its subtests.
func (r *results) passed(test string) bool {
	return r.ended[test] == "pass" && !r.outer(test)
}

// excerpt returns the beginning of a test's output, indented. If the test hung or panicked,
// its own lines come before the stacks.
func excerpt(text string) string {
	const most = 15
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > most {
		lines = append(lines[:most], "...")
	}
	return "\t\t" + strings.Join(lines, "\n\t\t") + "\n"
}
