package check

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryExportedNameHasAnExample: functions, types and methods of the public packages have an
// example that runs.
func TestEveryExportedNameHasAnExample(t *testing.T) {
	for rel := range publicAPIs(t) {
		sources, err := filepath.Glob(filepath.Join(root, rel, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, name := range sources {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = string(text)
		}
		for _, name := range withoutExample(t, files) {
			t.Errorf("package %s: there is no example of %s with an output", rel, name)
		}
	}
}

func TestNamesWithoutExampleAreFound(t *testing.T) {
	files := map[string]string{
		"p.go": `package p
type T struct{}
func (*T) M() {}
func (T) N() {}
type hidden struct{}
func (hidden) M() {}
func F() {}
func G() {}
func H() {}
`,
		"p_test.go": `package p
func ExampleT() {
	// Output:
}
func ExampleT_N() {
	// Output: it is not of T.M
}
func ExampleF_inOneWay() {
	// Unordered output: x
}
func ExampleG() {}
`,
	}
	if got, want := withoutExample(t, files), []string{"G", "H", "T_M"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// withoutExample returns the exported names, as examples spell them, that a package's files have
// no example of. Files are texts by name.
func withoutExample(t *testing.T, files map[string]string) (names []string) {
	t.Helper()
	var tests []*ast.File
	for name, text := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			tests = append(tests, f)
			continue
		}
		for _, d := range f.Decls {
			names = append(names, exported(d)...)
		}
	}
	shown := map[string]bool{}
	for _, e := range doc.Examples(tests...) {
		if e.Output == "" && !e.EmptyOutput {
			continue // it does not run
		}
		shown[e.Name] = true
		if i := strings.LastIndexByte(e.Name, '_'); i >= 0 && !ast.IsExported(e.Name[i+1:]) {
			shown[e.Name[:i]] = true // one of several, which a suffix tells apart
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return shown[name] })
	slices.Sort(names)
	return names
}

// exported returns the exported functions, types and methods of a declaration.
func exported(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() {
				names = append(names, s.Name.Name)
			}
		}
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			typ := d.Recv.List[0].Type
			if p, ok := typ.(*ast.StarExpr); ok {
				typ = p.X
			}
			id, ok := typ.(*ast.Ident)
			if !ok || !id.IsExported() {
				return nil
			}
			name = id.Name + "_" + name
		}
		if d.Name.IsExported() {
			names = append(names, name)
		}
	}
	return names
}
