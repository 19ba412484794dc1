package snippet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Names are the names that a snippet may use without declaring them.
type Names struct {
	Imports map[string]string // the paths of packages, by name
	Vars    map[string]string // the types of variables, by name
}

// Checker checks snippets with the packages that a module sees.
type Checker struct {
	dir     string // of the module
	names   Names
	fset    *token.FileSet
	imports types.Importer
}

// NewChecker returns a Checker for the module in dir.
func NewChecker(dir string, names Names) (*Checker, error) {
	paths := slices.Sorted(maps.Values(names.Imports))
	cmd := exec.Command("go", append([]string{"list", "-buildvcs=false", "-export", "-deps", "-json=ImportPath,Export"}, paths...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %v\n%s", err, stderr.Bytes())
	}
	exports := make(map[string]string)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
	}
	return CheckerOf(dir, names, exports), nil
}

// CheckerOf returns a Checker for the module in dir, with the files that go list has named for
// what the packages export, by path.
func CheckerOf(dir string, names Names, exports map[string]string) *Checker {
	fset := token.NewFileSet()
	return &Checker{dir, names, fset, importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		file := exports[path]
		if file == "" {
			return nil, fmt.Errorf("no package %s", path)
		}
		return os.Open(file)
	})}
}

// Check returns the compiler's errors for s, without the ones for variables and imports that
// are not used: a snippet may be a part of a function.
func (c *Checker) Check(s Snippet) []error {
	body, err := c.shape(s)
	if err != nil {
		return []error{err}
	}
	file := body.file("p", nil, nil)
	errs := c.types(file)
	imports, vars := c.missing(errs)
	if len(imports)+len(vars) == 0 {
		return errs
	}
	return c.types(body.file("p", imports, vars))
}

// Run runs s and returns what it prints. To the go command the program always lies in the same
// directory, one of the module's that does not exist: so it takes what it has built before.
func (c *Checker) Run(s Snippet) (string, error) {
	body, err := c.shape(s)
	if err != nil {
		return "", err
	}
	imports, _ := c.missing(c.types(body.file("p", nil, nil)))
	dir, err := os.MkdirTemp("", "snippet")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	main, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	module, err := filepath.Abs(c.dir)
	if err != nil {
		return "", err
	}
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(module, "snippetmain", "main.go"): main}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(main, []byte(body.file("main", imports, nil)), 0o600), os.WriteFile(overlay, replaced, 0o600)); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "run", "-buildvcs=false", "-overlay", overlay, "./snippetmain")
	cmd.Dir = c.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// shape is a snippet's code, of which files are made.
type shape struct {
	s                Snippet
	whole, statement bool // a file; statements; else declarations
}

func (c *Checker) shape(s Snippet) (shape, error) {
	b := shape{s: s}
	if b.whole = strings.HasPrefix(s.Source, "package "); b.whole {
		return b, nil
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", b.file("p", nil, nil), 0); err == nil {
		return b, nil
	}
	b.statement = true
	_, err := parser.ParseFile(token.NewFileSet(), "", b.file("p", nil, nil), 0)
	return b, err
}

func (b shape) file(name string, imports, vars []string) string {
	if b.whole {
		return fmt.Sprintf("//line %s:%d\n%s", b.s.File, b.s.Line, b.s.Source)
	}
	var f strings.Builder
	fmt.Fprintf(&f, "package %s\n", name)
	for _, i := range imports {
		fmt.Fprintf(&f, "import %s\n", i)
	}
	for _, v := range vars {
		fmt.Fprintf(&f, "var %s\n", v)
	}
	begin, end := "", ""
	if b.statement {
		begin, end = "func _() {\n", "}\n"
		if name == "main" {
			begin = "func main() {\n"
		}
	}
	fmt.Fprintf(&f, "%s//line %s:%d\n%s%s", begin, b.s.File, b.s.Line, b.s.Source, end)
	return f.String()
}

// types type-checks a file.
func (c *Checker) types(source string) (errs []error) {
	f, err := parser.ParseFile(c.fset, "", source, parser.SkipObjectResolution)
	if err != nil {
		return []error{err}
	}
	conf := types.Config{Importer: c.imports, Error: func(err error) {
		if e, ok := err.(types.Error); !ok || !e.Soft {
			errs = append(errs, err)
		}
	}}
	conf.Check("p", c.fset, []*ast.File{f}, nil)
	return errs
}

var undefined = regexp.MustCompile(`undefined: (\w+)$`)

// missing returns the imports and variables that declare the undefined names in errs.
func (c *Checker) missing(errs []error) (imports, vars []string) {
	add := func(all *[]string, line string) {
		if !slices.Contains(*all, line) {
			*all = append(*all, line)
		}
	}
	names := make(map[string]bool)
	for _, err := range errs {
		if m := undefined.FindStringSubmatch(err.Error()); m != nil {
			names[m[1]] = true
		}
	}
	use := func(code string) { // what the type of a variable needs
		for name, path := range c.names.Imports {
			if regexp.MustCompile(`\b` + name + `\.`).MatchString(code) {
				add(&imports, fmt.Sprintf("%s %q", name, path))
			}
		}
	}
	for name := range names {
		if path, ok := c.names.Imports[name]; ok {
			add(&imports, fmt.Sprintf("%s %q", name, path))
		} else if typ, ok := c.names.Vars[name]; ok {
			add(&vars, name+" "+typ)
			use(typ)
		}
	}
	slices.Sort(imports)
	slices.Sort(vars)
	return imports, vars
}
