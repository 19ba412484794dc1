package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/warmconn/warmconn"

// root is the module's directory: a test runs in its package's own.
const root = "../.."

// pkg is what these tests read of `go list -json`. Imports are those of the package without its tests.
type pkg struct {
	ImportPath   string
	Name         string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Export       string // with -export: the file with the compiled package's exported names
}

// listAll lists the module's packages, the fixture and all that they link, once for each system.
// goos is "" for the machine's own, where what they export is listed, too.
func listAll(t *testing.T, goos string) []pkg {
	t.Helper()
	watchSources(t)
	if pkgs, ok := listed.Load(goos); ok {
		return pkgs.([]pkg)
	}
	args := []string{"-deps", "./...", "./" + fixture}
	if goos == "" {
		args = append([]string{"-export"}, args...)
	}
	pkgs := goList(t, goos, args...)
	listed.Store(goos, pkgs)
	return pkgs
}

// listed are the answers to what was asked before: each takes part of a second.
var listed sync.Map // []pkg, by system

// goList runs go list in the module's directory.
func goList(t *testing.T, goos string, args ...string) []pkg {
	t.Helper()
	// A clone that belongs to another user has no readable VCS state, which is no matter here.
	cmd := exec.Command("go", append([]string{"list", "-buildvcs=false", "-json=ImportPath,Name,Imports,TestImports,XTestImports,Export"}, args...)...)
	cmd.Dir = root
	if goos != "" {
		cmd.Env = append(cmd.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// modulePackages are the module's packages. What they link is asked for with them, which takes no longer.
func modulePackages(t *testing.T, goos string) []pkg {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(listAll(t, goos)), func(p pkg) bool {
		rel, own := inModule(p.ImportPath)
		return !own || rel == fixture
	})
}

// watchSources looks at every Go file of the module. The go command repeats a passed test's result from its cache for as long
// as the files which the test looked at are the same; what a command run by the test reads doesn't count.
func watchSources(t *testing.T) {
	t.Helper()
	if err := lookAtSources(); err != nil {
		t.Fatal(err)
	}
}

// lookAtSources does so once: the go command keeps what all tests of a package looked at.
var lookAtSources = sync.OnceValue(func() error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case d.IsDir(), strings.HasSuffix(path, ".go"), d.Name() == "go.mod", d.Name() == "go.sum":
			_, err = os.Stat(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile, an editor's temporary file
		}
		return err
	})
})

// isStd reports whether path is of the standard library, whose paths have no dot in their first element.
func isStd(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// inModule returns the part of path below the module, "." for its root.
func inModule(path string) (rel string, ok bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// within reports whether the package path dir is path or above it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}
