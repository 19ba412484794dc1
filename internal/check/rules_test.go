package check

import (
	"fmt"
	"slices"
	"strings"
)

// A rule says what the packages at and below a directory of the module may import, the standard library apart.
type rule struct {
	dir   string
	allow []string // packages of this module, each with what is below it where it ends in "/..."; others by full path, likewise
	deny  []string // exceptions to allow
	text  string
}

// The first rule whose directory holds the package is its rule. A package without one breaks the build: write its rule first.
var rules = []rule{
	{
		dir:   "internal",
		allow: []string{"internal/..."},
		text:  "internal imports the standard library and internal only",
	},
	{
		dir:   "roundtripper",
		allow: []string{"internal/...", "roundtripper"},
		text:  "roundtripper and its test kit import the standard library, internal and roundtripper only",
	},
	{
		dir:   "drain",
		allow: []string{"internal/...", "roundtripper"},
		text:  "drain imports the standard library, internal and roundtripper only: what layers know of one another travels in the exchange",
	},
	{
		dir:   "pool/pooltest",
		allow: []string{"internal/...", "roundtripper", "pool", cleanhttp},
		text:  "pool/pooltest imports what pool may, and pool",
	},
	{
		dir:  "pool/poolbudget",
		text: "pool/poolbudget imports the standard library only: it reads what any program has written",
	},
	{
		dir:   "pool/poolz",
		allow: []string{"internal/...", "roundtripper", "pool"},
		text:  "pool/poolz imports the standard library, internal, roundtripper and pool only",
	},
	{
		dir:   "pool",
		allow: []string{"internal/...", "roundtripper", cleanhttp},
		text:  "pool imports the standard library, internal, roundtripper and go-cleanhttp only: what layers know of one another travels in the exchange",
	},
	{
		dir:   "trace",
		allow: []string{"internal/...", "roundtripper", otel + "/..."},
		deny:  []string{otel + "/otel/sdk/...", otel + "/otel/exporters/..."},
		text:  "trace imports the standard library, internal, roundtripper and OpenTelemetry's APIs only: what layers know of one another travels in the exchange",
	},
	{
		dir:   ".",
		allow: []string{"roundtripper", "drain", "pool", "trace"},
		text:  "warmconn puts the layers together and imports the standard library, roundtripper, drain, pool and trace only",
	},
	{
		dir:   "examples",
		allow: []string{"internal/...", "roundtripper/...", "drain", "pool/...", "trace", ".", "examples/...", cleanhttp, otel + "/..."},
		deny:  []string{otel + "/otel/exporters/..."},
		text:  "an example that needs more than the kit's own dependencies is a nested module",
	},
}

const (
	cleanhttp = "github.com/hashicorp/go-cleanhttp"
	otel      = "go.opentelemetry.io"

	noRule       = "no rule for this package: add one to internal/check"
	noExamples   = "nothing imports examples, but an example its own packages"
	noThirdParty = "a program that uses only roundtripper and drain links no third-party package"
)

// violations says of each import that breaks a rule which rule it is.
func violations(pkgs []pkg) []string {
	var found []string
	report := func(p pkg, path, why string) {
		found = append(found, fmt.Sprintf("package %s imports %s: %s", p.ImportPath, path, why))
	}
	for _, p := range pkgs {
		from, _ := inModule(p.ImportPath)
		i := slices.IndexFunc(rules, func(r rule) bool { return within(from, r.dir) })
		if i < 0 {
			found = append(found, fmt.Sprintf("package %s: %s", p.ImportPath, noRule))
		}
		for _, path := range p.Imports {
			switch {
			case foreignExample(from, path):
				report(p, path, noExamples)
			case i < 0, isStd(path):
			case !matches(path, rules[i].allow) || matches(path, rules[i].deny):
				report(p, path, rules[i].text)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if foreignExample(from, path) {
				report(p, path, noExamples)
			}
		}
	}
	return found
}

// foreignExample reports whether path is an example, and another one than the package from is of.
func foreignExample(from, path string) bool {
	to, ok := inModule(path)
	return ok && within(to, "examples") && exampleOf(to) != exampleOf(from)
}

// exampleOf is the NAME of examples/NAME/..., or "".
func exampleOf(rel string) string {
	rest, _ := strings.CutPrefix(rel, "examples/")
	if rest == rel {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func matches(path string, patterns []string) bool {
	if rel, ok := inModule(path); ok {
		path = rel
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
			return within(path, dir)
		}
		return path == pattern
	})
}

// links are the packages that a program with the package path links of all, itself and those of the standard library included.
func links(all []pkg, path string) []pkg {
	byPath := make(map[string]pkg)
	for _, p := range all {
		byPath[p.ImportPath] = p
	}
	var deps []pkg
	seen := map[string]bool{path: true}
	for next := []string{path}; len(next) > 0; next = next[1:] {
		p, ok := byPath[next[0]]
		if !ok {
			continue // "C", or by another name, as the standard library vendors
		}
		deps = append(deps, p)
		for _, i := range p.Imports {
			if !seen[i] {
				seen[i] = true
				next = append(next, i)
			}
		}
	}
	return deps
}

// thirdParty says which of a package's dependencies are neither the standard library's nor the module's.
func thirdParty(of string, deps []pkg) []string {
	var found []string
	for _, d := range deps {
		if _, own := inModule(d.ImportPath); !own && !isStd(d.ImportPath) {
			found = append(found, fmt.Sprintf("package %s links %s: %s", of, d.ImportPath, noThirdParty))
		}
	}
	return found
}
