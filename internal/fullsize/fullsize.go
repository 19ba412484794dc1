// Package fullsize says how large the statistical proofs among the tests are to
// be. Each has two sizes: one of a few seconds, which go test runs while people
// work, and the full one, whose figures the documents quote and which finds what
// happens once in 10,000 requests. The environment variable WARMCONN_FULL=1
// asks for the full size of all of them.
package fullsize

import "os"

// Of is the size that is asked for.
func Of(full, quick int) int {
	if Asked() {
		return full
	}
	return quick
}

// Asked reports whether WARMCONN_FULL asks for the full size.
func Asked() bool {
	v := os.Getenv("WARMCONN_FULL")
	return v != "" && v != "0"
}
