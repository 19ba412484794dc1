// Package page reads the rows of docs/sdks.md from the comments and the code of
// the SDKs' tests, so that the document says what was tested.
//
// A test that is a row has in its comment, indented, one line for each of
//
//	sdk: its name
//	module: the path of its module, whose version is go.mod's; "std" for the standard library
//	first: what to set before the kit comes in
//	not after: what must not be set afterwards, or what is lost
//	reuse: the least reuse in %, over http and TLS, that the test asserts
//
// The lines that wire the kit are those of the test's function between
//
//	//docs:line
//	//docs:end
package page

import (
	"bufio"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Row is one of the document.
type Row struct {
	SDK, Module, Version string
	First, NotAfter      string
	// Lines wire the kit.
	Lines []string
	// Reuse is the least in %, over http and over TLS.
	Reuse []int
	// Dir and File are the test's folder and file, and Test its name.
	Dir, File, Test string
}

// RowOf is the row of the test called name in dir.
func RowOf(t testing.TB, dir, name string) Row {
	t.Helper()
	rows, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Test == name {
			return row
		}
	}
	t.Fatalf("the comment of %s has no row of docs/sdks.md", name)
	return Row{}
}

// Read reads the rows of the tests in dir, in the order of their files.
func Read(dir string) ([]Row, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	versions, err := versions(dir)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var rows []Row
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found, err := readFile(file, src)
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			row.Dir, row.File = filepath.Base(abs), filepath.Base(file)
			if row.Version = versions[row.Module]; row.Version == "" && row.Module != "std" {
				return nil, fmt.Errorf("%s: %s: %q is not in go.mod", file, row.Test, row.Module)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// All reads the rows of all folders under root.
func All(root string) ([]Row, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, e := range entries {
		if !e.IsDir() || e.Name() == "internal" {
			continue
		}
		found, err := Read(filepath.Join(root, e.Name()))
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.SDK), strings.ToLower(b.SDK)), cmp.Compare(a.Test, b.Test))
	})
	return rows, nil
}

func readFile(name string, src []byte) ([]Row, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Doc == nil || !strings.Contains(fn.Doc.Text(), "\tsdk: ") {
			continue
		}
		row, err := parse(fn.Doc.Text())
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, fn.Name.Name, err)
		}
		row.Test = fn.Name.Name
		row.Lines = lines(string(src[fset.Position(fn.Pos()).Offset:fset.Position(fn.End()).Offset]))
		if len(row.Lines) == 0 {
			return nil, fmt.Errorf("%s: %s has nothing between //docs:line and //docs:end", name, fn.Name.Name)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// parse reads the indented part of a comment. A line without a key goes on with the one before.
func parse(doc string) (Row, error) {
	var row Row
	var reuse string
	fields := map[string]*string{
		"sdk": &row.SDK, "module": &row.Module, "first": &row.First, "not after": &row.NotAfter, "reuse": &reuse,
	}
	var last *string
	for line := range strings.Lines(doc) {
		text, ok := strings.CutPrefix(line, "\t")
		if !ok {
			continue
		}
		text = strings.TrimSpace(text)
		key, value, _ := strings.Cut(text, ": ")
		if field := fields[key]; field != nil {
			*field, last = value, field
		} else if last != nil {
			*last += " " + text
		}
	}
	for key, field := range fields {
		if *field == "" {
			return row, fmt.Errorf("its comment has no %q", key)
		}
	}
	for part := range strings.SplitSeq(reuse, "/") {
		var percent int
		if _, err := fmt.Sscan(part, &percent); err != nil {
			return row, fmt.Errorf("its reuse is %q: %w", reuse, err)
		}
		row.Reuse = append(row.Reuse, percent)
	}
	return row, nil
}

// lines are those between the marks, without what all are indented by.
func lines(src string) []string {
	var out []string
	inside, indent := false, ""
	for line := range strings.Lines(src) {
		line = strings.TrimRight(line, "\n")
		text := strings.TrimLeft(line, "\t")
		switch {
		case text == "//docs:line":
			inside, indent = true, line[:len(line)-len(text)]
		case text == "//docs:end":
			inside = false
		case inside:
			out = append(out, strings.TrimPrefix(line, indent))
		}
	}
	return out
}

// versions are those of the go.mod above dir.
func versions(dir string) (map[string]string, error) {
	var f *os.File
	for up := dir; ; up = filepath.Join(up, "..") {
		var err error
		if f, err = os.Open(filepath.Join(up, "go.mod")); err == nil {
			break
		} else if strings.Count(up, "..") > 4 {
			return nil, fmt.Errorf("no go.mod above %s", dir)
		}
	}
	defer f.Close()
	versions := make(map[string]string)
	for scan := bufio.NewScanner(f); scan.Scan(); {
		if fields := strings.Fields(strings.TrimPrefix(scan.Text(), "require ")); len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			versions[fields[0]] = fields[1]
		}
	}
	return versions, nil
}
