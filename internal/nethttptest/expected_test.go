package main

import (
	"strings"
	"testing"
)

func TestExpectedListCanBeRead(t *testing.T) {
	if _, err := parseExpected(expectedText); err != nil {
		t.Error(err)
	}
}

func TestJudgeTellsFailuresApart(t *testing.T) {
	known, err := parseExpected(`
		pool any  fails TestListed/h1 because
		pool 1.26 fails TestOldGo     because
		kit  any  fails TestOtherKit  because
		pool any  fails TestMended    because
		pool any  flaky TestFlaky     because
		pool any  hangs TestHangs     because
	`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name         string
		ended        map[string]string
		ok           bool
		want, wantNo string
	}{
		{"a listed one and the test around it", map[string]string{"TestListed": "fail", "TestListed/h1": "fail"}, true, "expected failure: TestListed/h1\n", "UNEXPECTED"},
		{"one within a listed one", map[string]string{"TestListed/h1": "fail", "TestListed/h1/sub": "fail"}, true, "expected failure: TestListed/h1/sub\n", "UNEXPECTED"},
		{"another one beside a listed one", map[string]string{"TestListed": "fail", "TestListed/h1": "fail", "TestListed/h2": "fail"}, false, "UNEXPECTED FAILURE: TestListed/h2\n", "FAILURE: TestListed\n"},
		{"one whose name only begins like a listed one", map[string]string{"TestListed/h10": "fail"}, false, "UNEXPECTED FAILURE: TestListed/h10\n", "expected failure:"},
		{"one that is listed for another Go", map[string]string{"TestOldGo": "fail"}, false, "UNEXPECTED FAILURE: TestOldGo\n", "expected failure:"},
		{"one that is listed for other layers", map[string]string{"TestOtherKit": "fail"}, false, "UNEXPECTED FAILURE: TestOtherKit\n", "expected failure:"},
		{"a failure outside of any test", map[string]string{testMain: "fail"}, false, "UNEXPECTED FAILURE: TestMain\n", "expected failure:"},
		{"a listed one that passes", map[string]string{"TestMended": "pass"}, true, "PASSED UNEXPECTEDLY, take it out of expected.txt: TestMended", "FAILURE"},
		{"a flaky one that passes", map[string]string{"TestFlaky": "pass"}, true, "1 pass, 0 fail", "UNEXPECTED"},
		{"a flaky one that fails", map[string]string{"TestFlaky": "fail"}, true, "expected failure: TestFlaky\n", "UNEXPECTED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newResults()
			r.ended = tt.ended
			var out strings.Builder
			ok := expectedOf(known, []string{"TestListed", "TestOldGo", "TestOtherKit", "TestMended", "TestFlaky"}, "pool", "go1.27.4").judge(&out, "pool", r, false)
			if got := out.String(); ok != tt.ok || !strings.Contains(got, tt.want) || strings.Contains(got, tt.wantNo) {
				t.Errorf("got %v and\n%s\nwant %v, %q and no %q", ok, got, tt.ok, tt.want, tt.wantNo)
			}
		})
	}
}

func TestWhatIsLeftAsideIsCountedAsNotRun(t *testing.T) {
	known, err := parseExpected("any any aside TestBuilds because\nany any flaky TestFlaky because")
	if err != nil {
		t.Fatal(err)
	}
	r := newResults()
	r.ended = map[string]string{"TestFlaky": "pass"}
	var out strings.Builder
	expectedOf(known, []string{"TestBuilds", "TestFlaky"}, "pool", "go1.27.4").judge(&out, "pool", r, false)
	if !strings.Contains(out.String(), " 1 not run\n") {
		t.Errorf("got %s\nwant 1 not run", out.String())
	}
}
