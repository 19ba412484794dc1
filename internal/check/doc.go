// Package check holds tests of the repository itself, and nothing that a program could use.
//
//   - imports_test.go: which package may import which (rules_test.go).
//   - api_test.go: the exported names of every public package are those written down in api/, and an update of api/
//     loses no name that was promised (pins_test.go).
//   - examples_test.go: the exported names of every public package have an example that runs.
//   - snippets_test.go: the Go in README.md and docs/ compiles, and prints the output that is beside it; docs_test.go:
//     names and links there lead somewhere.
//   - times_test.go: docs/times.md has each constant that is a time, with its value. security_test.go: the tests that
//     SECURITY.md names are there.
//   - span_test.go, sizing_test.go, picture_test.go: the spans and figures in docs/ are the ones of today's code.
//
// After an intended change to the public API, or to spans and figures in the documents:
//
//	go test ./internal/check -update-api
//	go test ./internal/check -update-docs
package check
