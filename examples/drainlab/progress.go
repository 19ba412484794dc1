package main

import (
	"fmt"
	"io"
	"os"
)

// progress is one line on a terminal, and nothing anywhere else.
type progress struct{ w io.Writer }

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{io.Discard}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{io.Discard}
	}
	// The null device is a character device too.
	if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(info, null) {
		return &progress{io.Discard}
	}
	return &progress{w}
}

const eraseLine = "\r\x1b[K"

func (p *progress) show(format string, args ...any) {
	fmt.Fprintf(p.w, eraseLine+format, args...)
}

func (p *progress) done() { fmt.Fprint(p.w, eraseLine) }
