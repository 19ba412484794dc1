package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// otelhttp is the middleware whose tests are trace's, too: trace takes the place of its
// Transport's own code.
const otelhttp = "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

// otelhttpEdits are the changes in its transport.go.
var otelhttpEdits = [][2]string{
	{"\ntype Transport struct {\n", "\ntype Transport struct {\n\tlayers layers\n\n"},
	{"\nfunc (t *Transport) RoundTrip(", "\nfunc (t *Transport) nativeRoundTrip("},
	{"\nfunc (t *Transport) applyConfig(c *config) {\n", "\nfunc (t *Transport) applyConfig(c *config) {\n\tt.layers.config = c\n"},
}

// otelhttpAdditions are the files that it gets.
//
//go:embed testdata/otelhttp/layers.go testdata/otelhttp/layers_test.go
var otelhttpAdditions embed.FS

// copyOtelhttp makes a copy of otelhttp's module below dir, with trace in it, of the version that
// the kit's benchmarks require, and returns its directory.
func copyOtelhttp(dir string) (string, error) {
	mod, err := goOutput("", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	root := filepath.Dir(mod)
	benchmarks := filepath.Join(root, "benchmarks")
	if _, err := goOutput(benchmarks, "mod", "download", otelhttp); err != nil {
		return "", err
	}
	from, err := goOutput(benchmarks, "list", "-m", "-f", "{{.Dir}}", otelhttp)
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "otelhttp")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return "", err
	}
	file := filepath.Join(to, "transport.go")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	edited, err := apply(string(text), otelhttpEdits)
	if err != nil {
		return "", fmt.Errorf("otelhttp/transport.go: %w", err)
	}
	if err := os.WriteFile(file, []byte(edited), 0o666); err != nil {
		return "", err
	}
	for _, name := range []string{"layers.go", "layers_test.go"} {
		text, err := otelhttpAdditions.ReadFile("testdata/otelhttp/" + name)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(to, "warmconn_"+name), text, 0o666); err != nil {
			return "", err
		}
	}
	_, err = goOutput(to, "mod", "edit", "-require", "github.com/warmconn/warmconn@v0.0.0", "-replace", "github.com/warmconn/warmconn="+root)
	return to, err
}

// goOutput runs the go command in dir and returns the output, without the line's end.
func goOutput(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}
