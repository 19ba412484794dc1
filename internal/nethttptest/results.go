package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// results are how tests ended, by their full names.
type results struct {
	ended  map[string]string // "pass", "fail" or "skip"
	open   map[string]bool   // tests that have begun: true if they run, false if they wait for their turn
	output map[string]string // by test; "" for output of no test
	failed map[string]bool   // tests that ended their process: not to be run again
	fails  int               // in this process
}

// testMain stands for a failure outside of any test, like a leaked goroutine.
const testMain = "TestMain"

func newResults() *results {
	return &results{
		ended:  make(map[string]string),
		open:   make(map[string]bool),
		output: make(map[string]string),
		failed: make(map[string]bool),
	}
}

func (r *results) add(e event) {
	switch e.Action {
	case "output":
		r.output[e.Test] += e.Output
	case "run", "cont", "pause":
		r.open[e.Test] = e.Action != "pause"
	case "pass", "fail", "skip":
		if e.Test != "" {
			r.ended[e.Test] = e.Action
			delete(r.open, e.Test)
			if e.Action == "fail" {
				r.fails++
			}
		}
	}
}

// begin notes that a new process has begun.
func (r *results) begin() {
	r.fails = 0
	r.output[""] = ""
}

// end notes that a process came to its end and failed.
func (r *results) end() {
	if r.fails == 0 {
		r.ended[testMain] = "fail"
		r.output[testMain] = r.output[""]
	}
}

// charge counts the tests that ran when their process was ended as failed, and reports
// whether there are any.
func (r *results) charge() bool {
	charged := false
	for name := range r.ended {
		if top, _, sub := strings.Cut(name, "/"); sub && r.ended[name] == "fail" && !r.failed[name] {
			if _, open := r.open[top]; open {
				r.failed[name], charged = true, true
			}
		}
	}
	for name, running := range r.open {
		switch {
		case !running || r.within(name):
		case r.told(name):
			r.ended[name] = "pass"
		default:
			r.ended[name], r.failed[name], charged = "fail", true, true
		}
	}
	clear(r.open)
	return charged
}

// told reports whether a test has printed that it passed. Test2json reports its end
// only when something else is printed.
func (r *results) told(name string) bool {
	return strings.Contains(r.output[name], "--- PASS: "+name+" (")
}

// within reports whether a subtest of the given test was open or has failed.
func (r *results) within(name string) bool {
	for sub := range r.open {
		if below(sub, name) {
			return true
		}
	}
	for sub := range r.failed {
		if below(sub, name) {
			return true
		}
	}
	return false
}

// below reports whether sub is a subtest of the test of that name.
func below(sub, name string) bool { return strings.HasPrefix(sub, name+"/") }

// done returns the tests that need not be run again.
func (r *results) done() []string {
	var names []string
	for name := range r.ended {
		if !strings.Contains(name, "/") || r.failed[name] {
			names = append(names, name)
		}
	}
	return names
}

// skipPattern returns a pattern that matches the given tests and no others. Among
// alternatives the first one that matches the beginning of a name decides, so short ones
// come first.
func skipPattern(names []string) string {
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	var patterns []string
	for _, name := range slices.Compact(names) {
		var parts []string
		for part := range strings.SplitSeq(name, "/") {
			parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
		}
		patterns = append(patterns, strings.Join(parts, "/"))
	}
	return strings.Join(patterns, "|")
}
