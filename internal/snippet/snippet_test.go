package snippet_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/snippet"
)

// kit is a Checker for both tests that need one: go list takes part of a second.
var kit = sync.OnceValues(func() (*snippet.Checker, error) { return snippet.NewChecker("../..", snippet.Kit()) })

func fences(blocks ...string) string {
	return "text\n\n```" + strings.Join(blocks, "\n```\n\n```") + "\n```\n"
}

func TestExtractFindsGoAndItsOutput(t *testing.T) {
	text := fences("go\na", "output\nx", "sh\nls", "go nested\nb\nc", "\nplain", "output\nof nothing") + "```go\nd\n```\nbetween\n```output\ny\n```\n"
	got := snippet.Extract("f.md", text)
	want := []snippet.Snippet{
		{File: "f.md", Line: 4, Source: "a\n", Output: "x\n"},
		{File: "f.md", Line: 16, Source: "b\nc\n", Nested: true},
		{File: "f.md", Line: 28, Source: "d\n"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Made-up violations: each must be found, and at the line of the document.
func TestCheckFindsWhatDoesNotCompile(t *testing.T) {
	c, err := kit()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, source, wrong string }{
		{"statements", "kit := warmconn.New(warmconn.Options{})\nclient = kit.Client(client)\n", ""},
		{"a variable that is not used", "s := client.Timeout\n", ""},
		{"declarations", "type Options struct {\n\tConns warmconn.Options\n}\n\nfunc f(c *http.Client) error { return nil }\n", ""},
		{"a file", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n", ""},
		{"a name that is gone", "kit := warmconn.New(warmconn.Options{})\nkit.Gone()\n", "f.md:11: kit.Gone undefined"},
		{"a field that is gone", "o := pool.Options{\n\tMaxPerPort: 1,\n}\n", "f.md:11: unknown field MaxPerPort"},
		{"a wrong type", "client = kit.Wrap(nil)\n", "cannot use"},
		{"an unknown package", "x := other.New()\n", "undefined: other"},
		{"no Go", "client := {\n", "expected"},
		{"a file with an error", "package main\n\nfunc main() { fmt.Println() }\n", "f.md:12: undefined: fmt"},
	} {
		errs := fmt.Sprint(c.Check(snippet.Snippet{File: "f.md", Line: 10, Source: test.source}))
		if test.wrong == "" && errs != "[]" || !strings.Contains(errs, test.wrong) {
			t.Errorf("%s: got %s, want %q", test.name, errs, test.wrong)
		}
	}
}

func TestRunPrints(t *testing.T) {
	c, err := kit()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Run(snippet.Snippet{File: "f.md", Line: 1, Source: "fmt.Println(pool.ErrClosed)\n"})
	if err != nil || out != "pool: closed\n" {
		t.Errorf("printed %q, error %v", out, err)
	}
	if out, err := c.Run(snippet.Snippet{File: "f.md", Line: 1, Source: "panic(1)\n"}); err == nil {
		t.Errorf("printed %q, and no error", out)
	}
}
