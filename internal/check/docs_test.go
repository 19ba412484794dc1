package check

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named are a document's files, as in `stack/end.go`, each with the function that is
// named behind it, if one is.
var named = regexp.MustCompile("`?((?:[a-z]+/)+[a-z0-9_]+\\.go)`?(?: ([A-Za-z]*[a-z][A-Z][A-Za-z]*))?")

// wrongNames are the files in a document that root does not have, and the functions that
// are not in the file beside.
func wrongNames(root, text string) (wrong []string) {
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		file, function := m[1], m[2]
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			source, err = os.ReadFile(filepath.Join(root, "internal", filepath.FromSlash(file)))
		}
		switch {
		case err != nil:
			wrong = append(wrong, file)
		case function != "" && !strings.Contains(string(source), function+"("):
			wrong = append(wrong, file+" "+function)
		}
	}
	return wrong
}

func TestDocsNameWhatIsThere(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(named.FindAllString(string(text), -1)); n < 30 {
		t.Errorf("%d names found in docs/architecture.md, want those of its table", n)
	}
	for _, w := range wrongNames(root, string(text)) {
		t.Errorf("docs/architecture.md names %s, which is not there", w)
	}
}

func TestWrongNamesInADocAreFound(t *testing.T) {
	text := "see `stack/end.go`, `stack/nowhere.go`, and `stack/end.go` closeBooks, not `stack/end.go` openBooks"
	got := wrongNames(filepath.Join("..", ".."), text)
	if want := "[stack/nowhere.go stack/end.go openBooks]"; len(got) != 2 || "["+strings.Join(got, " ")+"]" != want {
		t.Errorf("got %q, want %s", got, want)
	}
}
