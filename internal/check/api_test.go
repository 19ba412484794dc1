package check

import (
	"errors"
	"flag"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateAPI = flag.Bool("update-api", false, "rewrite api/*.txt")

const howToUpdate = "if the change is meant: go test ./internal/check -update-api"

func TestAPIIsWhatIsWrittenDown(t *testing.T) {
	dir := filepath.Join(root, "api")
	apis := publicAPIs(t)
	if *updateAPI {
		writeGoldens(t, dir, apis)
		return
	}

	written, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(apis))
	for _, file := range written {
		if !slices.ContainsFunc(names, func(rel string) bool { return goldenName(rel) == filepath.Base(file) }) {
			t.Errorf("api/%s is of no public package; %s", filepath.Base(file), howToUpdate)
		}
	}
	for _, rel := range names {
		got := apis[rel]
		golden, err := os.ReadFile(filepath.Join(dir, goldenName(rel)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if d := diff(strings.Split(strings.TrimSuffix(string(golden), "\n"), "\n"), got); d != nil {
			t.Errorf("the API of %s differs from api/%s:\n%s\n%s", rel, goldenName(rel), strings.Join(d, "\n"), howToUpdate)
		}
	}
}

func TestAPIKeepsTheFixedNames(t *testing.T) {
	for rel, got := range publicAPIs(t) {
		for _, line := range missing(fixedNames[rel], got) {
			t.Errorf("package %s has lost a name that was promised to its users: %s", rel, line)
		}
	}
}

func TestAPIRenderingShowsWhatUsersDependOn(t *testing.T) {
	pkgs := exports(t)
	i := slices.IndexFunc(pkgs, func(p pkg) bool { return p.ImportPath == module+"/"+fixture })
	if i < 0 {
		t.Fatal("go list does not find the fixture")
	}
	got := render(load(t, pkgs[i]))
	golden, err := os.ReadFile("testdata/fixture/api.txt")
	if err != nil {
		t.Fatal(err)
	}
	// A golden of its own, but never rewritten by a flag: it is the renderer's specification.
	want := strings.Split(strings.TrimSpace(string(golden)), "\n")
	if d := diff(want, got); d != nil {
		t.Errorf("differs from testdata/fixture/api.txt:\n%s", strings.Join(d, "\n"))
	}
}

func TestAPIDiffNamesLostAndNewLines(t *testing.T) {
	old := []string{"func A()", "func B()", "func C()"}
	if got := diff(old, old); got != nil {
		t.Errorf("got %q for no change", got)
	}
	got := diff(old, []string{"func A()", "func B(int)", "func C()", "func D()"})
	want := []string{"-func B()", "+func B(int)", "+func D()"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAPIFixedNamesAreFoundMissing(t *testing.T) {
	fixed := []string{"func New(Options) *Drainer", "func (*Drainer) Close()…"}
	if got := missing(fixed, []string{"func (*Drainer) Close() error", "func New(Options) *Drainer"}); got != nil {
		t.Errorf("got %q, want none", got)
	}
	if got := missing(fixed, []string{"func New(Options) Drainer"}); !slices.Equal(got, fixed) {
		t.Errorf("got %q, want %q", got, fixed)
	}
}

// fixture is a package of this one's tests.
const fixture = "internal/check/testdata/fixture"

// exports are, compiled, every package that other modules can import and that is no program or example, and the fixture.
func exports(t *testing.T) []pkg {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(listAll(t, "")), func(p pkg) bool {
		rel, own := inModule(p.ImportPath)
		public := p.Name != "main" && p.Name != "" && !within(rel, "examples") && !slices.Contains(strings.Split(rel, "/"), "internal")
		return rel != fixture && (!own || !public)
	})
}

// publicAPIs renders those of exports that are public.
func publicAPIs(t *testing.T) map[string][]string {
	t.Helper()
	apis := map[string][]string{}
	for _, p := range exports(t) {
		if rel, _ := inModule(p.ImportPath); rel != fixture {
			apis[rel] = render(load(t, p))
		}
	}
	return apis
}

// load reads what the compiler wrote down about a package: types are known even where the source leaves them out.
func load(t *testing.T, p pkg) *types.Package {
	t.Helper()
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(p.Export)
	})
	loaded, err := imp.Import(p.ImportPath)
	if err != nil {
		t.Fatalf("%s: %v", p.ImportPath, err)
	}
	return loaded
}

func goldenName(rel string) string {
	if rel == "." {
		rel = "warmconn"
	}
	return strings.ReplaceAll(rel, "/", "_") + ".txt"
}

func writeGoldens(t *testing.T, dir string, apis map[string][]string) {
	t.Helper()
	old, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for rel, lines := range apis {
		if err := os.WriteFile(filepath.Join(dir, goldenName(rel)), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// diff lists the lines of want that got lost with a - and the new ones with a +. Both are sorted, and so is diff but for the signs.
func diff(want, got []string) []string {
	var d []string
	for _, line := range want {
		if line != "" && !slices.Contains(got, line) {
			d = append(d, "-"+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			d = append(d, "+"+line)
		}
	}
	slices.SortStableFunc(d, func(a, b string) int { return strings.Compare(a[1:], b[1:]) })
	return d
}

// missing lists the lines of fixed that are not among got. Of a fixed line that ends in "…" only the beginning counts.
func missing(fixed, got []string) []string {
	var m []string
	for _, line := range fixed {
		start, open := strings.CutSuffix(line, "…")
		if !slices.ContainsFunc(got, func(g string) bool { return g == line || open && strings.HasPrefix(g, start) }) {
			m = append(m, line)
		}
	}
	return m
}
