package callsite

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestFunctionsOfTheMainModuleAreToldByTheirNames(t *testing.T) {
	info := func(path string, deps ...string) *debug.BuildInfo {
		i := &debug.BuildInfo{Main: debug.Module{Path: path}}
		for _, d := range deps {
			i.Deps = append(i.Deps, &debug.Module{Path: d})
		}
		return i
	}
	for _, c := range []struct {
		info     *debug.BuildInfo
		function string
		want     bool
	}{
		{info("example.com/app"), "main.run", true},
		{info("example.com/app"), "main.(*server).run.func1", true},
		{info("example.com/app"), "example.com/app.Run", true},
		{info("example.com/app"), "example.com/app_test.TestRun", true},
		{info("example.com/app"), "example.com/app/list.All[...]", true},
		{info("example.com/app"), "example.com/apple.Run", false},
		{info("example.com/app"), "example.com/sdk.Get", false},
		{info("example.com/app"), "maintenance.Run", false},
		{info("example.com/app.v2"), "example.com/app%2ev2.Run", true},
		{info("example.com/app.v2"), "example.com/app.v2/list.All", true},
		// A module of its own below the program's.
		{info("example.com/app", "example.com/app/sdk"), "example.com/app/sdk.Get", false},
		{info("example.com/app", "example.com/app/sdk"), "example.com/app/sdk/http.Do", false},
		{info("example.com/app", "example.com/app/sdk"), "example.com/app/sdks.All", true},
		{info("example.com/app", "example.com/app/sdk.v1"), "example.com/app/sdk%2ev1.Get", false},
		// A binary that does not name its module.
		{info(""), "main.run", false},
		{info(""), "example.com/app.Run", false},
	} {
		if got := moduleOf(c.info).has(c.function); got != c.want {
			t.Errorf("%s of %q: %v, want %v", c.function, c.info.Main.Path, got, c.want)
		}
	}
}

func TestTheKitsPackagesAreNoCallers(t *testing.T) {
	for function, want := range map[string]bool{
		"github.com/warmconn/warmconn.(*Kit).Client":          true,
		"github.com/warmconn/warmconn/pool.(*Pool).Transport": true,
		"github.com/warmconn/warmconn_test.TestKit":           false,
		"github.com/warmconn/warmconn/pool_test.TestPool":     false,
		"github.com/warmconn/warmconn/examples/ownsdk.Get":    false,
		"github.com/warmconn/warmconnx.Get":                   false,
		"net/http/httputil.(*ReverseProxy).ServeHTTP":         false,
		"net/http/internal/http2.(*ClientConn).RoundTrip":     true,
	} {
		if got := ours(function); got != want {
			t.Errorf("%s: %v, want %v", function, got, want)
		}
	}
}

// stackOf is the innermost line: in this test it plays an SDK.
func stackOf() []uintptr {
	var pcs [Depth]uintptr
	return Take(&pcs)
}

// inner is n of the SDK's frames around it.
func inner(n int) []uintptr {
	if n > 0 {
		return inner(n - 1)
	}
	return stackOf()
}

func TestCallerIsInTheMainModuleHoweverDeepTheSDK(t *testing.T) {
	// The testing package plays the program: it is at the top, at any depth.
	for _, depth := range []int{0, 10, Depth, 2 * Depth} {
		pcs := inner(depth)
		got := of(pcs, module{path: "testing"})
		if !strings.HasSuffix(got.Caller, " testing.tRunner") || !strings.HasSuffix(got.Inner, "/callsite.stackOf") {
			t.Errorf("depth %d: %+v, want testing.tRunner, and stackOf inside", depth, got)
		}
		if all := Frames(pcs); len(all) < depth+3 || !strings.HasSuffix(all[0].Function, ".stackOf") {
			t.Errorf("depth %d: %d frames, the first %+v", depth, len(all), all[0])
		}
	}
	if got := of(inner(1), module{}); got.Inner != "" || !strings.HasSuffix(got.Caller, ".stackOf") {
		t.Errorf("of a binary that does not name its module: %+v, want the innermost line, as caller", got)
	}
	if got := of(inner(1), module{path: "example.com/elsewhere"}); got.Inner != "" || !strings.HasSuffix(got.Caller, ".stackOf") {
		t.Errorf("with nothing of the program on the stack: %+v, want the innermost line, as caller", got)
	}
}

// An SDK leaks, and its user learns which line of the program has called it. The SDK is a
// module of its own, and so is the program.
func TestLeakUnderAnSDKNamesTheProgramsLine(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"sdk/go.mod": "module example.com/sdk\n\ngo 1.26.0\n",
		"app/go.sum": string(sums),
		"app/go.mod": "module example.com/app\n\ngo 1.26.0\n\nrequire (\n\texample.com/sdk v0.0.0\n\tgithub.com/warmconn/warmconn v0.0.0\n)\n\n" +
			"replace (\n\texample.com/sdk => ../sdk\n\tgithub.com/warmconn/warmconn => " + root + "\n)\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	app := exec.Command("go", "run", "-mod=mod", ".")
	app.Dir = filepath.Join(dir, "app")
	var stderr strings.Builder
	app.Stderr = &stderr
	out, err := app.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	const want = "caller main.go: main.list\ninner sdk.go: example.com/sdk.(*Client).Get\n"
	if string(out) != want {
		t.Errorf("printed %q, want %q", out, want)
	}
}
