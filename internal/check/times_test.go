package check

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// timesFile has the table of all constants that are times.
const timesFile = "docs/times.md"

// noTimes are directories without a part of the kit: tests' servers, tools and examples, whose
// times no program depends on.
var noTimes = []string{
	"benchmarks", "docs", "examples", "internal/badserver", "internal/check", "internal/eventually", "internal/faultlist", "internal/jumps",
	"internal/nethttptest", "internal/poolzbrowser", "internal/testserver",
}

// timeConst is a constant, and a row of the table.
type timeConst struct{ dir, name, value string }

// timePackage is all of package time that a constant is made of.
func timePackage() *types.Package {
	p := types.NewPackage("time", "time")
	duration := types.NewTypeName(token.NoPos, p, "Duration", nil)
	named := types.NewNamed(duration, types.Typ[types.Int64], nil)
	p.Scope().Insert(duration)
	for name, unit := range map[string]time.Duration{
		"Nanosecond": time.Nanosecond, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
	} {
		p.Scope().Insert(types.NewConst(token.NoPos, p, name, named, constant.MakeInt64(int64(unit))))
	}
	p.MarkComplete()
	return p
}

type importerOf map[string]*types.Package

func (i importerOf) Import(path string) (*types.Package, error) {
	if p := i[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("not needed: %s", path)
}

// timesOf are the constants in files, of one directory, that are times. Of what else the files
// import nothing is known: a constant whose value depends on that is not found.
func timesOf(fset *token.FileSet, dir string, files []*ast.File) (found []timeConst) {
	info := types.Info{Defs: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: importerOf{"time": timePackage()}, Error: func(error) {}, FakeImportC: true}
	conf.Check(dir, fset, files, &info)
	for id, o := range info.Defs {
		c, ok := o.(*types.Const)
		if !ok || c.Type().String() != "time.Duration" {
			continue
		}
		if v, exact := constant.Int64Val(c.Val()); exact {
			found = append(found, timeConst{dir, id.Name, inWords(time.Duration(v))})
		}
	}
	return found
}

// inWords is d as the table has it: a number and a unit.
func inWords(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		word string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		if d >= u.unit && d%u.unit == 0 {
			return fmt.Sprintf("%d %s", d/u.unit, u.word)
		}
	}
	return d.String()
}

// allTimes are the constants of the kit that are times.
func allTimes(t *testing.T) (found []timeConst) {
	t.Helper()
	fset := token.NewFileSet()
	byDir := make(map[string][]*ast.File)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if name := d.Name(); slices.Contains(noTimes, rel) || name == "testdata" || rel != "." && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		byDir[dir] = append(byDir[dir], f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, files := range byDir {
		found = append(found, timesOf(fset, dir, files)...)
	}
	return found
}

// timeRow is a row of the table: constant, value, directory, and four columns of words.
var timeRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]+?) \\| `([^`|]+)` \\|(?: [^|]+ \\|){3}$")

// differTimes compares the table in text with the constants.
func differTimes(text string, consts []timeConst) (wrong []string) {
	var rows []timeConst
	for _, m := range timeRow.FindAllStringSubmatch(text, -1) {
		rows = append(rows, timeConst{m[3], m[1], m[2]})
	}
	for _, c := range consts {
		if !slices.Contains(rows, c) {
			wrong = append(wrong, fmt.Sprintf("no row of %s with %s: %s", c.dir, c.name, c.value))
		}
	}
	for i, r := range rows {
		if !slices.Contains(consts, r) || slices.Index(rows, r) != i {
			wrong = append(wrong, fmt.Sprintf("the row %s, %s, of %s is not of the code, or is there twice", r.name, r.value, r.dir))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// What depends on a time constant is one table.
func TestTheTableOfTimesIsTheCodes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(timesFile)))
	if err != nil {
		t.Fatal(err)
	}
	consts := allTimes(t)
	if len(consts) < 50 {
		t.Errorf("%d constants found", len(consts))
	}
	for _, wrong := range differTimes(string(text), consts) {
		t.Errorf("%s: %s", timesFile, wrong)
	}
}

func TestAWrongTableOfTimesIsSeen(t *testing.T) {
	const source = `package p
import ("time"; "other")
const a, b = 30 * time.Second, 2 * a
const notATime, unknown = 5, other.X
type x struct{ other.T }
func f() { const local time.Duration = 1500e3 }
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	consts := timesOf(fset, "p", []*ast.File{f})
	rows := []string{"| `a` | 30 s | `p` | x | y | z |\n", "| `b` | 1 min | `p` | x | y | z |\n", "| `local` | 1500 µs | `p` | x | y | z |\n"}
	if wrong := differTimes(strings.Join(rows, ""), consts); len(consts) != 3 || wrong != nil {
		t.Errorf("of the right table: %q, of %v", wrong, consts)
	}
	for name, bad := range map[string]string{
		"a row is missing": rows[0] + rows[1], "a value": strings.Replace(strings.Join(rows, ""), "30 s", "31 s", 1), "too many": strings.Join(rows, "") + "| `c` | 1 s | `p` | x | y | z |\n",
		"twice": strings.Join(rows, "") + rows[0], "a column is missing": rows[0] + rows[1] + "| `local` | 1500 µs | `p` | x | y |\n",
	} {
		if differTimes(bad, consts) == nil {
			t.Errorf("not seen: %s", name)
		}
	}
}
