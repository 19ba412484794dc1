package page

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/sdks.md")

const (
	root     = "../.."
	document = "../../../../docs/sdks.md"
)

func TestTheDocumentIsWhatTheTestsSay(t *testing.T) {
	rows, err := All(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 20 {
		t.Fatalf("there are only %d rows", len(rows))
	}
	want := Render(rows)
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error(`docs/sdks.md is stale: run "go test ./internal/page -update" in examples/sdks`)
	}
}

func TestEveryFolderHasARow(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(root, "*", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range folders {
		rows, err := Read(filepath.Dir(file))
		if err != nil {
			t.Error(err)
		} else if len(rows) == 0 {
			t.Errorf("no test of %s is a row", file)
		}
	}
}

const example = `package x

// TestX is a row:
//
//	sdk: x
//	module: example.com/x
//	first: one thing
//	 and another
//	not after: nothing
//	reuse: 90 / 91
func TestX(t *testing.T) {
	if true {
		//docs:line
		c.Transport = kit.Wrap(base)
		//docs:end
	}
}
`

func TestARowIsReadFromTheCommentAndTheCode(t *testing.T) {
	rows, err := readFile("x_test.go", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 {
		t.Fatalf("%d rows, want 1", len(rows))
	}
	r := rows[0]
	if r.SDK != "x" || r.Module != "example.com/x" || r.First != "one thing and another" || r.NotAfter != "nothing" || r.Test != "TestX" {
		t.Errorf("got %+v", r)
	}
	if len(r.Lines) != 1 || r.Lines[0] != "c.Transport = kit.Wrap(base)" {
		t.Errorf("the lines are %q", r.Lines)
	}
	if len(r.Reuse) != 2 || r.Reuse[0] != 90 || r.Reuse[1] != 91 {
		t.Errorf("the reuse is %v", r.Reuse)
	}
	if text := Render(rows); !strings.Contains(text, "`c.Transport = kit.Wrap(base)` | one thing and another | nothing | 90 / 91 |") {
		t.Errorf("got %s", text)
	}
}

func TestARowThatLacksSomethingIsAnError(t *testing.T) {
	for _, lost := range []string{"//	module: example.com/x\n", "//	first: one thing\n//	 and another\n", "//	not after: nothing\n", "//	reuse: 90 / 91\n", "90 / 91", "		//docs:line\n"} {
		src := strings.Replace(example, lost, "", 1)
		if src == example {
			t.Fatalf("the example has no %q", lost)
		}
		if rows, err := readFile("x_test.go", []byte(src)); err == nil {
			t.Errorf("without %q: no error, but %+v", lost, rows)
		}
	}
}
