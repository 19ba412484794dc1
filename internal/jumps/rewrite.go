package main

import (
	"bytes"
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	module    = "github.com/warmconn/warmconn"
	logPath   = module + "/internal/jumplog"
	driverDir = "internal/jumpdriver"
)

// additions are the packages that the copy gets.
//
//go:embed testdata/jumplog.go testdata/jumpdriver.go
var additions embed.FS

// copyModule copies to dir what the module at root is built of, without its tests
// and nested modules, with entries logged.
func copyModule(dir, root string) error {
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && rel != ".":
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			if err == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		case rel != "go.mod" && rel != "go.sum" && (path.Ext(rel) != ".go" || strings.HasSuffix(rel, "_test.go")):
			return nil
		}
		src, err := os.ReadFile(name)
		if err == nil && logged(path.Dir(rel)) {
			src, err = logEntries(rel, src)
		}
		if err != nil {
			return err
		}
		return write(dir, rel, src)
	})
	if err != nil {
		return err
	}
	for _, to := range []string{"jumplog", "jumpdriver"} {
		src, err := additions.ReadFile("testdata/" + to + ".go")
		if err == nil {
			err = write(dir, "internal/"+to+"/"+to+".go", src)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func write(dir, rel string, text []byte) error {
	name := filepath.Join(dir, filepath.FromSlash(rel))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o666)
}

// logged reports whether the package in dir is one that requests go through: one
// of the four public ones, or an internal one that is not for tests alone.
func logged(dir string) bool {
	switch dir {
	case "drain", "pool", "trace", "roundtripper":
		return true
	}
	parent, name := path.Split(dir)
	switch name {
	case "badserver", "check", "eventually", "fullsize", "jumps", "nethttptest", "stub", "testserver":
		return false
	}
	return parent == "internal/"
}

// logEntries has every function of a file log that it was entered. The lines stay
// what they were, and so do comments, which may be build constraints.
func logEntries(file string, src []byte) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	done := 0
	insert := func(at token.Pos, text string) {
		offset := fset.Position(at).Offset
		out.Write(src[done:offset])
		out.WriteString(text)
		done = offset
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		if done == 0 { // an import that nothing uses is an error
			insert(f.Name.End(), fmt.Sprintf("; import %q", logPath))
		}
		insert(fn.Body.Lbrace+1, fmt.Sprintf(" jumplog.Enter(%q, %q, %t);", file, funcName(fn), isAccessor(fn)))
	}
	out.Write(src[done:])
	return out.Bytes(), nil
}

// funcName is a function's name, with the receiver's type if it is a method.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	return "(" + types.ExprString(fn.Recv.List[0].Type) + ")." + fn.Name.Name
}

// isAccessor reports whether a function does no more than return what it has.
func isAccessor(fn *ast.FuncDecl) bool {
	if len(fn.Body.List) != 1 {
		return false
	}
	ret, ok := fn.Body.List[0].(*ast.ReturnStmt)
	if !ok {
		return false
	}
	calls := false
	ast.Inspect(ret, func(n ast.Node) bool {
		_, call := n.(*ast.CallExpr)
		calls = calls || call
		return !calls
	})
	return !calls
}
