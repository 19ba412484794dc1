package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// promtool checks the rules, and runs their unit tests: rules/warmconn_test.yml.
func TestPromtoolAcceptsTheRules(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("SKIPPED: ", err)
	}
	for _, args := range [][]string{{"check", "rules", "rules/warmconn.yml"}, {"test", "rules", "rules/warmconn_test.yml"}} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}

// The unit tests find a threshold that is another one.
func TestPromtoolFindsAWrongThreshold(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("SKIPPED: ", err)
	}
	dir := t.TempDir()
	unit, err := os.ReadFile("rules/warmconn_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	right := []byte(rulesText(t))
	wrong := bytes.ReplaceAll(right, []byte("> 0.5 *"), []byte("> 0.95 *"))
	if bytes.Equal(right, wrong) {
		t.Fatal("no threshold found")
	}
	for name, text := range map[string][]byte{"warmconn.yml": wrong, "warmconn_test.yml": unit} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(promtool, "test", "rules", filepath.Join(dir, "warmconn_test.yml")).CombinedOutput(); err == nil {
		t.Errorf("it passed:\n%s", out)
	}
}
