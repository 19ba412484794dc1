package deadline

import (
	"context"
	"testing"
)

func TestPassesWhenToldToAndWithItsParent(t *testing.T) {
	for _, told := range []bool{true, false} {
		parent, cancel := context.WithCancel(t.Context())
		d, pass := Below(parent)
		child, end := context.WithCancel(d)
		if d.Err() != nil || child.Err() != nil {
			t.Errorf("before: %v, %v", d.Err(), child.Err())
		}
		if told {
			pass()
			pass()
		} else {
			cancel()
		}
		<-child.Done()
		if d.Err() != context.DeadlineExceeded || child.Err() != context.DeadlineExceeded {
			t.Errorf("told %v: %v, and of a context below %v", told, d.Err(), child.Err())
		}
		end()
		cancel()
	}
}
