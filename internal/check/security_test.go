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

// A promise is as good as its test.
func TestSecurityNamesTestsThatAreThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(testName.FindAllString(string(text), -1)); n < 10 {
		t.Errorf("%d tests named in SECURITY.md, want those of its table", n)
	}
	for _, name := range absentTests(t, string(text)) {
		t.Errorf("SECURITY.md names %s, which is not there", name)
	}
	if got := absentTests(t, "`TestSecurityNamesTestsThatAreThere`, `TestThatNobodyWrote`"); len(got) != 1 || got[0] != "TestThatNobodyWrote" {
		t.Errorf("of a made-up document: %q", got)
	}
}
