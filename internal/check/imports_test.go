package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/fullsize"
)

// systems are the machine's own, and in the full size, which .ci/run's step imports has, others:
// imports of their files count, too.
func systems() []string {
	if fullsize.Asked() {
		return []string{"", "linux", "darwin", "windows"}
	}
	return []string{""}
}

func TestImportsFollowTheRules(t *testing.T) {
	for _, goos := range systems() {
		pkgs := modulePackages(t, goos)
		if len(pkgs) == 0 {
			t.Fatal("go list found no package of the module")
		}
		for _, v := range violations(pkgs) {
			t.Errorf("%s (GOOS=%s)", v, goos)
		}
	}
}

func TestImportsOfRoundtripperAndDrainLinkNoThirdParty(t *testing.T) {
	for _, goos := range systems() {
		all := listAll(t, goos)
		for _, rel := range []string{"roundtripper", "drain"} {
			deps := links(all, module+"/"+rel)
			if len(deps) < 2 {
				t.Errorf("go list says nothing of what %s links (GOOS=%s)", rel, goos)
			}
			for _, v := range thirdParty(module+"/"+rel, deps) {
				t.Errorf("%s (GOOS=%s)", v, goos)
			}
		}
	}
}

func TestImportRulesFindEachViolation(t *testing.T) {
	const (
		m        = module + "/"
		sdk      = otel + "/otel/sdk/trace"
		exporter = otel + "/otel/exporters/stdout/stdouttrace"
	)
	tests := []struct {
		from, to string
		broken   bool
	}{
		{m + "internal/stack", "net/http", false},
		{m + "internal/stack", m + "internal/body", false},
		{m + "internal/stack", m + "roundtripper", true},
		{m + "internal/stack", "golang.org/x/sync/semaphore", true},

		{m + "roundtripper", "vendor/golang.org/x/net/http/httpguts", false},
		{m + "roundtripper", m + "internal/stack", false},
		{m + "roundtripper", m + "drain", true},
		{m + "roundtripper", m + "roundtripper/roundtrippertest", true},
		{m + "roundtripper", otel + "/otel", true},
		{m + "roundtripper/roundtrippertest", m + "roundtripper", false},
		{m + "roundtripper/roundtrippertest", m + "pool", true},

		{m + "drain", m + "roundtripper", false},
		{m + "drain", m + "internal/stack", false},
		{m + "drain", m + "pool", true},
		{m + "drain", m + "trace", true},
		{m + "drain", m + "roundtripper/roundtrippertest", true},
		{m + "drain", cleanhttp, true},

		{m + "pool", cleanhttp, false},
		{m + "pool", cleanhttp + "/v2", true},
		{m + "pool", m + "drain", true},
		{m + "pool", m + "trace", true},
		{m + "pool", m + "pool/pooltest", true},
		{m + "pool", otel + "/otel/metric", true},
		{m + "pool/pooltest", m + "pool", false},
		{m + "pool/pooltest", m + "drain", true},
		{m + "pool/poolbudget", "encoding/json", false},
		{m + "pool/poolbudget", m + "pool", true},
		{m + "pool/poolz", m + "pool", false},
		{m + "pool/poolz", m + "roundtripper", false},
		{m + "pool/poolz", m + "trace", true},
		{m + "pool/poolz", cleanhttp, true},
		{m + "pool", m + "pool/poolz", true},
		{m + "poolside", "net/http", true},

		{m + "trace", otel + "/otel/trace", false},
		{m + "trace", otel + "/contrib/instrumentation/net/http/httptrace/otelhttptrace", false},
		{m + "trace", otel + ".example.com/otel", true},
		{m + "trace", sdk, true},
		{m + "trace", exporter, true},
		{m + "trace", m + "pool", true},
		{m + "trace", cleanhttp, true},

		{m + "examples/quickstart", m + "internal/testserver", false},
		{m + "examples/quickstart", m + "examples/quickstart/internal/table", false},
		{m + "examples/quickstart", m + "examples/other", true},
		{m + "examples/quickstart", sdk, false},
		{m + "examples/quickstart", exporter, true},
		{m + "trace", m + "examples/quickstart", true},
		{m + "internal/stack", m + "examples/quickstart", true},

		{m + "cmd/warmconn", "net/http", true},
		{module, m + "trace", false},
		{module, m + "internal/stack", true},
		{module, otel + "/otel", true},
		{m + "drain", module, true},
		{m + "examples/quickstart", module, false},
	}
	for _, test := range tests {
		got := violations([]pkg{{ImportPath: test.from, Imports: []string{"context", test.to}}})
		if (len(got) > 0) != test.broken {
			t.Errorf("%s imports %s: got %q, want broken=%v", test.from, test.to, got, test.broken)
		}
		for _, v := range got {
			if !strings.HasPrefix(v, "package "+test.from) {
				t.Errorf("%q doesn't name the package", v)
			}
		}
	}
}

func TestImportRulesLeaveTestsAloneButForExamples(t *testing.T) {
	p := pkg{
		ImportPath:   module + "/drain",
		TestImports:  []string{module + "/pool", otel + "/otel/sdk/trace"},
		XTestImports: []string{module + "/trace"},
	}
	if got := violations([]pkg{p}); len(got) != 0 {
		t.Errorf("got %q, want nothing: a layer's tests may use the other layers", got)
	}
	p.TestImports = append(p.TestImports, module+"/examples/quickstart")
	want := []string{"package " + module + "/drain imports " + module + "/examples/quickstart: " + noExamples}
	if got := violations([]pkg{p}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestImportRulesFindAThirdPartyDependency(t *testing.T) {
	const semaphore = "golang.org/x/sync/semaphore"
	all := []pkg{
		{ImportPath: "net/http", Imports: []string{"vendor/golang.org/x/net/idna"}},
		{ImportPath: "vendor/golang.org/x/net/idna"},
		{ImportPath: semaphore},
		{ImportPath: module + "/internal/stack", Imports: []string{"net/http"}},
		{ImportPath: module + "/drain", Imports: []string{module + "/internal/stack", "net/http"}},
		{ImportPath: module + "/pool", Imports: []string{semaphore}},
	}
	if got := thirdParty(module+"/drain", links(all, module+"/drain")); len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
	all[3].Imports = append(all[3].Imports, semaphore)
	deps := links(all, module+"/drain")
	want := []string{"package " + module + "/drain links golang.org/x/sync/semaphore: " + noThirdParty}
	if got := thirdParty(module+"/drain", deps); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
