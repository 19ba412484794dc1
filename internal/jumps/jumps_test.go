package main

import (
	"go/format"
	"slices"
	"strings"
	"testing"
)

// at makes entries of "file function"; the accessors are those called get.
func at(list ...string) []entry {
	var entries []entry
	for _, s := range list {
		file, fn, _ := strings.Cut(s, " ")
		entries = append(entries, entry{file, fn, fn == "get"})
	}
	return entries
}

func TestCountsJumpsBetweenFiles(t *testing.T) {
	tests := []struct {
		name    string
		entries []entry
		want    counts
	}{
		{"nothing", nil, counts{}},
		{"one function", at("pool/a.go f"), counts{entered: 1, distinct: 1, files: 1}},
		{"one file", at("pool/a.go f", "pool/a.go g", "pool/a.go f"), counts{entered: 3, distinct: 2, files: 1}},
		{"there and back", at("pool/a.go f", "pool/b.go g", "pool/a.go f"),
			counts{entered: 3, distinct: 2, files: 2, jumps: 2, back: 1}},
		{"to another package", at("pool/a.go f", "internal/stack/a.go f", "internal/stack/b.go f"),
			counts{entered: 3, distinct: 3, files: 3, jumps: 2, packages: 1}},
		{"back to another file of the package", at("pool/a.go f", "drain/a.go f", "pool/b.go f", "pool/b.go f", "drain/a.go g"),
			counts{entered: 5, distinct: 4, files: 3, jumps: 3, back: 1, packages: 3}},
	}
	for _, test := range tests {
		if got := count(test.entries); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestWithoutAccessorsTheirNeighboursAreNextToOneAnother(t *testing.T) {
	all := at("pool/a.go f", "pool/b.go get", "pool/a.go g", "drain/a.go f")
	rest := without([][]request{{{"1st", all}}}, isAnAccessor)
	if got, want := rest[0][0].Entries, at("pool/a.go f", "pool/a.go g", "drain/a.go f"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := at("pool/a.go f", "pool/b.go get", "pool/a.go g", "drain/a.go f"); !slices.Equal(all, want) {
		t.Errorf("the list itself is %v now, not %v", all, want)
	}
}

func TestWithoutAPackageItsNeighboursAreNextToOneAnother(t *testing.T) {
	all := at("pool/a.go f", "internal/connpool/a.go f", "internal/connpool/b.go f", "pool/a.go g")
	rest := without([][]request{{{"1st", all}}}, isOf("internal/connpool"))
	if got, want := rest[0][0].Entries, at("pool/a.go f", "pool/a.go g"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCallsArePrintedALineAFile(t *testing.T) {
	var out strings.Builder
	writeCalls(&out, []request{{"1st", at("pool/a.go f", "pool/a.go g", "drain/a.go f", "pool/a.go f")}})
	const want = "1st:\n  pool/a.go: f g\n  drain/a.go: f\n  pool/a.go: f\n\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestARowIsTheRunWithTheMedianOfJumps(t *testing.T) {
	var out strings.Builder
	writeTable(&out, [][]request{
		{{"1st", at("a.go f", "b.go f", "a.go f", "b.go f")}},
		{{"1st", at("a.go f")}},
		{{"1st", at("a.go f", "x/b.go f", "x/b.go g")}},
	})
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	const want = "| 1st | 3 | 3 | 2 | 1 | 0 | 1 | 0 to 3 |"
	if got := strings.Join(strings.Fields(rows[len(rows)-1]), " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEveryDeclaredFunctionIsLogged(t *testing.T) {
	const src = `//go:build linux

// Package p has a comment.
package p // and another

import "os"

type box[T any] struct{ v T }

func (b *box[T]) get() T { return b.v }

func (box[T]) text() string { return os.Args[0] + string(os.Args[1]) }

func outside()

// f returns a function.
func f() func() int {
	return func() int { return 1 }
}

func g() {}

func h() (func(), error) { return func() { g() }, nil }
`
	const want = `//go:build linux

// Package p has a comment.
package p; import "github.com/warmconn/warmconn/internal/jumplog" // and another

import "os"

type box[T any] struct{ v T }

func (b *box[T]) get() T { jumplog.Enter("pool/p.go", "(*box[T]).get", true); return b.v }

func (box[T]) text() string { jumplog.Enter("pool/p.go", "(box[T]).text", false); return os.Args[0] + string(os.Args[1]) }

func outside()

// f returns a function.
func f() func() int { jumplog.Enter("pool/p.go", "f", true);
	return func() int { return 1 }
}

func g() { jumplog.Enter("pool/p.go", "g", false);}

func h() (func(), error) { jumplog.Enter("pool/p.go", "h", false); return func() { g() }, nil }
`
	got, err := logEntries("pool/p.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := format.Source(got); err != nil {
		t.Error(err)
	}
}

func TestAFileWithoutFunctionsStaysAsItIs(t *testing.T) {
	const src = "// Package p is empty.\npackage p\n\ntype t struct{}\n"
	got, err := logEntries("pool/p.go", []byte(src))
	if err != nil || string(got) != src {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPackagesForTestsAreNotLogged(t *testing.T) {
	for dir, want := range map[string]bool{
		"pool": true, "roundtripper": true, "internal/stack": true, "internal/connpool": true,
		"pool/pooltest": false, "roundtripper/roundtrippertest": false, "examples/quickstart": false,
		"internal/jumps": false, "internal/testserver": false, "internal/stub": false,
		"internal/connpool/below": false, ".": false,
	} {
		if got := logged(dir); got != want {
			t.Errorf("%s: got %t, want %t", dir, got, want)
		}
	}
}
