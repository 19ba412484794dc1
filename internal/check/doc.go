// Package check holds tests of the repository itself, and nothing that a program could use.
//
//   - imports_test.go: which package may import which (rules_test.go).
//   - api_test.go: the exported names of every public package are those written down in api/, and nobody loses, by
//     updating api/, a name that was promised (pins_test.go).
//
// After a change to the public API that is meant:
//
//	go test ./internal/check -update-api
package check
