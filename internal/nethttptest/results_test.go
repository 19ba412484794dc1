package main

import (
	"slices"
	"testing"
)

// A test that ends the process is charged, and neither those around it nor
// tests that wait for their turn.
func TestChargeFindsWhoEndedTheProcess(t *testing.T) {
	r := newResults()
	for _, e := range []event{
		{Action: "run", Test: "TestDone"}, {Action: "pass", Test: "TestDone"},
		{Action: "run", Test: "TestWaits"}, {Action: "pause", Test: "TestWaits"},
		{Action: "run", Test: "TestX"},
		{Action: "run", Test: "TestX/h1"}, {Action: "pass", Test: "TestX/h1"},
		{Action: "run", Test: "TestX/h2"},
		{Action: "run", Test: "TestTold"}, {Action: "output", Test: "TestTold", Output: "--- PASS: TestTold (0.00s)\n"},
	} {
		r.add(e)
	}
	if !r.charge() {
		t.Fatal("no test was charged")
	}
	if r.ended["TestX/h2"] != "fail" || r.ended["TestX"] != "" || r.ended["TestWaits"] != "" || r.ended["TestTold"] != "pass" {
		t.Errorf("got %v, want TestX/h2 failed, TestTold passed, and neither TestX nor TestWaits ended", r.ended)
	}
	done := r.done()
	slices.Sort(done)
	if want := []string{"TestDone", "TestTold", "TestX/h2"}; !slices.Equal(done, want) {
		t.Errorf("not to be run again: %q, want %q", done, want)
	}
	if r.charge() {
		t.Error("charged twice for one end")
	}
}

func TestSkipPatternPutsShortNamesFirst(t *testing.T) {
	got := skipPattern([]string{"TestB/h1/sub", "TestA.b", "TestB/h2", "TestA.b"})
	if want := `^TestA\.b$|^TestB$/^h2$|^TestB$/^h1$/^sub$`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Net/http looks for leaked goroutines once no test has failed.
func TestAProcessThatFailsWithoutATestIsAFailure(t *testing.T) {
	r := newResults()
	r.begin()
	r.add(event{Action: "fail", Test: "TestA"})
	r.end()
	if r.ended[testMain] != "" {
		t.Error("a failed test was counted twice")
	}
	r.begin()
	r.add(event{Action: "pass", Test: "TestB"})
	r.add(event{Action: "output", Output: "Too many goroutines\n"})
	r.end()
	if r.ended[testMain] != "fail" || r.output[testMain] != "Too many goroutines\n" {
		t.Errorf("got %q, %q", r.ended[testMain], r.output[testMain])
	}
}
