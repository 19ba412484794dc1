package check

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/warmconn/warmconn/internal/snippet"
)

// TestSnippetsCompile checks the Go in README.md and docs/, and runs what has an output
// beside it. What needs other modules is docs/snippets' to check.
func TestSnippetsCompile(t *testing.T) {
	watchSources(t)
	exports := make(map[string]string)
	for _, p := range listAll(t, "") {
		exports[p.ImportPath] = p.Export
	}
	c := snippet.CheckerOf(root, snippet.Kit(), exports)
	checked, run := 0, 0
	for _, s := range snippets(t) {
		if s.Nested {
			continue
		}
		checked++
		errs := c.Check(s)
		for _, err := range errs {
			t.Errorf("%s: %v", s, err)
		}
		if len(errs) > 0 || s.Output == "" {
			continue
		}
		run++
		if out, err := c.Run(s); err != nil || out != s.Output {
			t.Errorf("%s: prints\n%s(error %v), and the document says\n%s", s, out, err, s.Output)
		}
	}
	if checked < 10 || run < 1 {
		t.Errorf("%d snippets checked and %d run: where are the others?", checked, run)
	}
}

func snippets(t *testing.T) (all []snippet.Snippet) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, snippet.Extract(file, string(text))...)
	}
	return all
}
