package callsite

import (
	"runtime/debug"
	"strings"
	"sync"
)

// module recognizes the functions of the program's main module by their names: names of
// files change with -trimpath and vendor directories. The zero value has no functions.
type module struct {
	path   string
	nested []string // modules that it depends on and whose paths begin with its own
}

// program returns the running binary's main module. It is read once, for that takes some
// 10 µs.
var program = sync.OnceValue(func() module {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return module{}
	}
	return moduleOf(info)
})

func moduleOf(info *debug.BuildInfo) module {
	m := module{path: info.Main.Path}
	for _, d := range info.Deps {
		if strings.HasPrefix(d.Path, m.path+"/") {
			m.nested = append(m.nested, d.Path)
		}
	}
	return m
}

func (m module) has(function string) bool {
	if m.path == "" {
		return false
	}
	if strings.HasPrefix(function, "main.") {
		return true
	}
	if !within(function, m.path) {
		return false
	}
	for _, n := range m.nested {
		if within(function, n) {
			return false
		}
	}
	return true
}

// within reports whether the function is in the package at path, in its tests, or in a
// package below.
// The linker writes a dot in the last element of a package's path as %2e.
func within(function, path string) bool {
	if rest, ok := strings.CutPrefix(function, path); ok && strings.HasPrefix(rest, "/") {
		return true
	}
	last := strings.LastIndexByte(path, '/') + 1
	rest, ok := strings.CutPrefix(function, path[:last]+strings.ReplaceAll(path[last:], ".", "%2e"))
	return ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "_test."))
}
