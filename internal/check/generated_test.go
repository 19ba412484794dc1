package check

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateDocs = flag.Bool("update-docs", false, "rewrite what tests have generated in docs/*.md")

// wantGenerated checks that a document has text as the block of that name, which is
//
//	<!-- generated: NAME -->
//	```
//	text
//	```
func wantGenerated(t *testing.T, file, name, text string) {
	t.Helper()
	path := filepath.Join(root, "docs", file)
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := replaceGenerated(string(doc), name, text)
	switch {
	case !ok:
		t.Errorf("docs/%s has no block %q", file, name)
	case got == string(doc):
	case *updateDocs:
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/%s, block %q, is not what comes out now:\n%s\nif the change is meant: go test ./internal/check -update-docs", file, name, text)
	}
}

// wantLines checks that a document has each line of text in the block of that name.
func wantLines(t *testing.T, file, name, text string) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(root, "docs", file))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range linesMissing(string(doc), name, text) {
		t.Errorf("docs/%s, block %q, has no line\n%s\nif the change is meant: go test ./internal/check -update-docs", file, name, line)
	}
}

// linesMissing are the lines of text that the document's block of that name does not have.
func linesMissing(doc, name, text string) (missing []string) {
	_, rest, _ := strings.Cut(doc, "<!-- generated: "+name+" -->\n```\n")
	block, _, _ := strings.Cut(rest, "\n```\n")
	has := strings.Split(block, "\n")
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if !slices.Contains(has, line) {
			missing = append(missing, line)
		}
	}
	return missing
}

func replaceGenerated(doc, name, text string) (string, bool) {
	before, rest, ok := strings.Cut(doc, "<!-- generated: "+name+" -->\n```\n")
	if !ok {
		return "", false
	}
	_, after, ok := strings.Cut(rest, "\n```\n")
	head := doc[:len(before)] + "<!-- generated: " + name + " -->\n```\n"
	return head + strings.TrimRight(text, "\n") + "\n```\n" + after, ok
}

func TestGeneratedBlockIsFoundAndReplaced(t *testing.T) {
	doc := "a\n<!-- generated: x -->\n```\nold\n```\nb\n"
	if got, ok := replaceGenerated(doc, "x", "old\n"); !ok || got != doc {
		t.Errorf("got %q, %v", got, ok)
	}
	if got, _ := replaceGenerated(doc, "x", "new\nlines"); got != strings.Replace(doc, "old", "new\nlines", 1) {
		t.Errorf("got %q", got)
	}
	if _, ok := replaceGenerated(doc, "y", ""); ok {
		t.Error("found a block that is not there")
	}
	if got := linesMissing(doc, "x", "old\nnew\n"); !slices.Equal(got, []string{"new"}) {
		t.Errorf("missing %q, want the new line", got)
	}
	if got := linesMissing(doc, "y", "old\n"); len(got) != 1 {
		t.Errorf("missing %q of a block that is not there", got)
	}
}
