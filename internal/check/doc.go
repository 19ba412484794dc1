// Package check holds tests of the repository itself, and nothing that a program could use.
//
//   - imports_test.go: which package may import which (rules_test.go).
//   - api_test.go: the exported names of every public package are those written down in api/, and nobody loses, by
//     updating api/, a name that was promised (pins_test.go).
//   - snippets_test.go: the Go in README.md and docs/ compiles, and prints what is said beside it; docs_test.go: names and
//     links in there lead somewhere.
//   - span_test.go, sizing_test.go, picture_test.go: what docs/ shows of spans and figures is what comes out today.
//
// After a change to the public API that is meant, or to what the documents show:
//
//	go test ./internal/check -update-api
//	go test ./internal/check -update-docs
package check
