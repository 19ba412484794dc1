// Package snippet finds the Go code in Markdown documents, type-checks it as a user of the
// kit would compile it, and runs it.
//
//	```go                 is checked; "```go nested" in a module that has its imports
//	```output             directly behind a snippet: that is run, and prints this
//
// A snippet is a file, declarations, or statements. Packages are imported by their names,
// and variables that a reader is expected to have, such as a client, are declared: see Names.
package snippet

import (
	"fmt"
	"strings"
)

// Snippet is a fenced block of Go in a document.
type Snippet struct {
	File   string // the document
	Line   int    // of its first line of code
	Nested bool
	Source string
	Output string // of running it; empty: it is only checked
}

func (s Snippet) String() string { return fmt.Sprintf("%s:%d", s.File, s.Line) }

// Extract returns the snippets of a document, in order.
func Extract(file, text string) []Snippet {
	var all []Snippet
	var last *Snippet // directly above this line
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		info, ok := strings.CutPrefix(lines[i], "```")
		if !ok {
			if strings.TrimSpace(lines[i]) != "" {
				last = nil
			}
			continue
		}
		begin := i + 1
		for i++; i < len(lines) && lines[i] != "```"; i++ {
		}
		block := strings.Join(lines[begin:min(i, len(lines))], "\n") + "\n"
		words := strings.Fields(info)
		switch {
		case len(words) > 0 && words[0] == "go":
			all = append(all, Snippet{File: file, Line: begin + 1, Source: block,
				Nested: len(words) > 1 && words[1] == "nested"})
			last = &all[len(all)-1]
			continue
		case len(words) > 0 && words[0] == "output" && last != nil:
			last.Output = block
		}
		last = nil
	}
	return all
}
