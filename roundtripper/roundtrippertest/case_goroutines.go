package roundtrippertest

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"strings"
)

const labelKey = "roundtrippertest"

// goroutines comes last: every body is closed by then, and every server.
func goroutines(p *probe) {
	if p.hung > 0 {
		return // they may well hold some
	}
	var left []string
	p.step("waiting for goroutines to end")
	if !p.eventually(func() bool { left = leftover(p.label); return len(left) == 0 }) {
		p.errorf("goroutines that are still running:\n%s", strings.Join(left, "\n"))
	}
}

// leftover returns the stacks of the goroutines that carry the label, but for the caller's.
func leftover(label string) (left []string) {
	var profile bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&profile, 1)
	mark := fmt.Sprintf("%q:%q", labelKey, label)
	for _, g := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(g, mark) && !strings.Contains(g, "roundtrippertest.leftover") {
			left = append(left, g)
		}
	}
	return left
}
