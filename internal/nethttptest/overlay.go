package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// edits are the changes in net/http's own files. The text of each must be found exactly
// once: otherwise net/http has changed, and the edit must be, too.
var edits = map[string][][2]string{
	"transport.go": {
		{"\ntype Transport struct {\n", "\ntype Transport struct {\n\tlayers layers\n\n"},
		{"\nfunc (t *Transport) Clone() ", "\nfunc (t *Transport) nativeClone() "},
		{"\nfunc (t *Transport) CloseIdleConnections() ", "\nfunc (t *Transport) nativeCloseIdleConnections() "},
	},
	"roundtrip.go": {
		{"\nfunc (t *Transport) RoundTrip(", "\nfunc (t *Transport) nativeRoundTrip("},
	},
}

// additions are the files that net/http gets, and the package whose tests run.
//
//go:embed testdata/layers.go testdata/layers_test.go
var additions embed.FS

// writeOverlay writes net/http's edited files into dir, and the file that pkg's tests get, and
// returns the file for -overlay.
func writeOverlay(goroot, dir, pkg string) (string, error) {
	replace := make(map[string]string)
	put := func(pkg, name, text string) error {
		replace[filepath.Join(goroot, "src", filepath.FromSlash(pkg), name)] = filepath.Join(dir, name)
		return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666)
	}
	for name, edit := range edits {
		text, err := os.ReadFile(filepath.Join(goroot, "src", "net", "http", name))
		if err != nil {
			return "", err
		}
		edited, err := apply(string(text), edit)
		if err != nil {
			return "", fmt.Errorf("net/http/%s: %w", name, err)
		}
		if err := put("net/http", name, edited); err != nil {
			return "", err
		}
	}
	for name, of := range map[string]string{"layers.go": "net/http", "layers_test.go": pkg} {
		text, err := additions.ReadFile("testdata/" + name)
		if err != nil {
			return "", err
		}
		added := strings.Replace(string(text), "package http_test", "package "+path.Base(pkg)+"_test", 1)
		if err := put(of, "warmconn_"+name, added); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, text, 0o666)
}

func apply(text string, edit [][2]string) (string, error) {
	for _, e := range edit {
		if n := strings.Count(text, e[0]); n != 1 {
			return "", fmt.Errorf("%q is there %d times, not once", strings.TrimSpace(e[0]), n)
		}
		text = strings.Replace(text, e[0], e[1], 1)
	}
	return text, nil
}
