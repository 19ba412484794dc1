package check

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// testName is a test or a fuzzer that a document names.
var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`")

// absentTests are the tests that a document names and no source has.
func absentTests(t *testing.T, text string) (absent []string) {
	t.Helper()
	names := testName.FindAllStringSubmatch(text, -1)
	for _, m := range names {
		absent = append(absent, m[1])
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		absent = slices.DeleteFunc(absent, func(name string) bool { return strings.Contains(string(source), "\nfunc "+name+"(") })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return absent
}

// untested are the rows of a document's tables of promises that name no test.
func untested(text string) (rows []string) {
	promises := false
	for line := range strings.Lines(text) {
		switch {
		case !strings.HasPrefix(line, "|"):
			promises = false
		case strings.HasPrefix(line, "| promise | test |"):
			promises = true
		case promises && !strings.HasPrefix(line, "|---") && !testName.MatchString(line[strings.LastIndex(strings.TrimRight(line, "| \n"), "|"):]):
			rows = append(rows, line)
		}
	}
	return rows
}

// A promise is as good as its test.
func TestSecurityNamesTestsThatAreThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(testName.FindAllString(string(text), -1)); n < 10 {
		t.Errorf("%d tests named in SECURITY.md, want those of its table", n)
	}
	for _, row := range untested(string(text)) {
		t.Errorf("SECURITY.md names no test for %s", row)
	}
	if got := untested("| promise | test |\n|---|---|\n| a | `TestAbove` |\n| `TestBelow` is none | none |\n\n| a | table |\n"); len(got) != 1 || !strings.Contains(got[0], "`TestBelow`") {
		t.Errorf("of made-up promises: %q", got)
	}
	for _, name := range absentTests(t, string(text)) {
		t.Errorf("SECURITY.md names %s, which is not there", name)
	}
	if got := absentTests(t, "`TestSecurityNamesTestsThatAreThere`, `TestThatNobodyWrote`"); len(got) != 1 || got[0] != "TestThatNobodyWrote" {
		t.Errorf("of a made-up document: %q", got)
	}
}
