package stack

import (
	"testing"
	"unsafe"
)

// The allocator adds eight bytes and rounds up to 1280, and then to 1408: 128 bytes
// of every request.
func TestRecordKeepsItsSize(t *testing.T) {
	if n := unsafe.Sizeof(Exchange{}); n > 1272 {
		t.Errorf("an Exchange has %d bytes, want at most 1272", n)
	}
}
