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
		t.Errorf("%d names found in docs/architecture.md, want 30 or more", n)
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

// link is a link of Markdown to another file, or to a heading of one.
var link = regexp.MustCompile(`\]\(([^():#\s]*)(?:#([^()\s]*))?\)`)

// deadLinks are the links in a document whose file, or heading, is not there. Dir is the
// document's.
func deadLinks(dir, text string) (dead []string) {
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		target := []byte(text)
		if m[1] != "" {
			path := filepath.Join(dir, filepath.FromSlash(m[1]))
			if _, err := os.Stat(path); err != nil {
				dead = append(dead, m[1])
				continue
			}
			target, _ = os.ReadFile(path)
		}
		if m[2] != "" && !hasHeading(string(target), m[2]) {
			dead = append(dead, m[1]+"#"+m[2])
		}
	}
	return dead
}

func hasHeading(doc, id string) bool {
	for line := range strings.Lines(doc) {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || !strings.HasPrefix(line, "#") {
			continue
		}
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ', r == '-':
				return '-'
			case r == '_', '0' <= r && r <= '9', 'a' <= r && r <= 'z':
				return r
			}
			return -1
		}, strings.ToLower(strings.TrimSpace(title)))
		if slug == id {
			return true
		}
	}
	return false
}

func TestDocsLinkToWhatIsThere(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		links += len(link.FindAllString(string(text), -1))
		for _, dead := range deadLinks(filepath.Dir(file), string(text)) {
			t.Errorf("%s links to %s, which is not there", file, dead)
		}
	}
	if links < 20 {
		t.Errorf("%d links found, want README's at least", links)
	}
}

func TestDeadLinksAreFound(t *testing.T) {
	text := "# On Go 1.27\n[a](docs_test.go) [b](gone.md) [c](https://example.com/x) [d](#on-go-127) [e](#gone) [f](../../README.md#the-layers) [g](../../README.md#gone)"
	got := strings.Join(deadLinks(".", text), " ")
	if want := "gone.md #gone ../../README.md#gone"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
