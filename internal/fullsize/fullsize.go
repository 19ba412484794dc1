// Package fullsize chooses the size of the statistical proofs among the tests. Each has two
// sizes: a small one of a few seconds, for every run of go test, and the full one, whose
// figures the documents quote and which finds faults of one request in 10,000. The
// environment variable WARMCONN_FULL=1 asks for the full size of all of them.
package fullsize

import "os"

// Of returns the size that is asked for.
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
