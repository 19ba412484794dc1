package snippets

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/hashicorp/go-retryablehttp"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	_ "github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/snippet"
	_ "github.com/warmconn/warmconn/pool/poolprof"
	_ "github.com/warmconn/warmconn/pool/poolprom"
)

func TestSnippetsCompile(t *testing.T) {
	kit, names := snippet.Kit(), snippet.Names{
		Imports: map[string]string{
			"poolprof":      "github.com/warmconn/warmconn/pool/poolprof",
			"otelhttp":      "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
			"retryablehttp": "github.com/hashicorp/go-retryablehttp",
			"prometheus":    "github.com/prometheus/client_golang/prometheus",
			"poolprom":      "github.com/warmconn/warmconn/pool/poolprom",
		},
		Vars: map[string]string{"rc": "*retryablehttp.Client"},
	}
	for _, name := range []string{"warmconn", "pool", "context", "errors", "http"} {
		names.Imports[name] = kit.Imports[name]
	}
	maps.Copy(names.Vars, kit.Vars)
	c, err := snippet.NewChecker(".", names)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range snippet.Extract(file, string(text)) {
			if !s.Nested {
				continue
			}
			checked++
			for _, err := range c.Check(s) {
				t.Errorf("%s: %v", s, err)
			}
			if s.Output != "" {
				t.Errorf("%s has an output: only the root module runs snippets", s)
			}
		}
	}
	if checked < 3 {
		t.Errorf("%d snippets checked: where are the others?", checked)
	}
}
