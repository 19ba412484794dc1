// Package progress tells on a terminal how far a program is.
package progress

import (
	"fmt"
	"io"
	"os"
)

// Line is a line on a terminal. On any other writer it prints nothing.
type Line struct{ w io.Writer }

// New returns a Line on w, which shows only if w is a terminal.
func New(w io.Writer) *Line {
	f, ok := w.(*os.File)
	if !ok {
		return &Line{io.Discard}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &Line{io.Discard}
	}
	// The null device is a character device too.
	if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(info, null) {
		return &Line{io.Discard}
	}
	return &Line{w}
}

const eraseLine = "\r\x1b[K"

// Show replaces the line.
func (p *Line) Show(format string, args ...any) {
	fmt.Fprintf(p.w, eraseLine+format, args...)
}

// Done takes the line away.
func (p *Line) Done() { fmt.Fprint(p.w, eraseLine) }
