package record

import (
	"testing"
	"unsafe"
)

// The allocator adds eight bytes and rounds up to 1152, and then to 1280: 128 bytes
// of every request.
func TestRecordKeepsItsSize(t *testing.T) {
	if n := unsafe.Sizeof(Record{}); n > 1328 {
		t.Errorf("a Record has %d bytes, want at most 1328", n)
	}
}
