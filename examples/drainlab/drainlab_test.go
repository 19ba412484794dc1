package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
)

// part is a run of a few cells of the quick sweep, with all that it left.
type part struct {
	stdout string
	svg    []byte
	cells  []map[string]string
	trials []map[string]string
}

func runPart(t *testing.T, only string) *part {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	dir := filepath.Join(t.TempDir(), "new")
	var stdout, stderr bytes.Buffer
	args := []string{"-quick", "-v", "-time", "100ms", "-cells", only, "-out", dir}
	if code := run(t.Context(), args, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit code %d, stderr %q", code, stderr.String())
	}
	nothingLeft(t, goroutines)
	svg, err := os.ReadFile(filepath.Join(dir, "drainlab.svg"))
	if err != nil {
		t.Fatal(err)
	}
	return &part{
		stdout: stdout.String(),
		svg:    svg,
		cells:  readCSV(t, filepath.Join(dir, "cells.csv"), cellColumns),
		trials: readCSV(t, filepath.Join(dir, "trials.csv"), trialColumns),
	}
}

// nothingLeft waits for the goroutines that are about to end.
func nothingLeft(t *testing.T, before int) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	defer func() {
		if t.Failed() {
			t.Logf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}()
	eventually.True(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func readCSV(t *testing.T, name string, columns []string) []map[string]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(records[0], columns) {
		t.Errorf("%s has the columns %q, want %q", name, records[0], columns)
	}
	var rows []map[string]string
	for _, record := range records[1:] {
		row := make(map[string]string)
		for i, field := range record {
			row[columns[i]] = field
		}
		rows = append(rows, row)
	}
	return rows
}

func number(t *testing.T, row map[string]string, column string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(row[column], 64)
	if err != nil {
		t.Errorf("%s in %v: %v", column, row, err)
	}
	return x
}

// keepsAll says that the trial's one connection is never given up.
func keepsAll(row map[string]string) bool {
	return row["policy"] == alwaysDrain || row["policy"] == baseName
}

// oneTooMany returns the trials that made more than one connection by a policy that keeps it.
func oneTooMany(t *testing.T, p *part) (lost []map[string]string) {
	for _, row := range p.trials {
		if keepsAll(row) && number(t, row, "connections_opened") != 1 {
			lost = append(lost, row)
		}
	}
	return lost
}

func TestEveryCellAndPolicyIsThere(t *testing.T) {
	const only = "length/.*/16KiB|(late-tail|endless-fast)/.*/2ms"
	p := runPart(t, only)

	var want, got []string
	o, err := parse([]string{"-quick", "-cells", only}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(o.cells()); n != 2*2+2*2 {
		t.Errorf("%d cells were chosen", n)
	}
	for _, c := range o.cells() {
		if !strings.Contains(p.stdout, c.String()) {
			t.Errorf("no %s in\n%s", c, p.stdout)
		}
		for _, pol := range policies() {
			want = append(want, strings.Join([]string{c.body, strconv.Itoa(c.size), strconv.FormatBool(c.tls), pol.name}, " "))
		}
	}
	for _, row := range p.cells {
		got = append(got, strings.Join([]string{row["body"], row["size_bytes"], row["tls"], row["policy"]}, " "))
		for _, column := range cellColumns[7:] {
			if column != "resolved" {
				number(t, row, column)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("cells.csv has %q, want %q", got, want)
	}

	// What the policies did to connections does not depend on how fast the
	// machine is, but for one thing. Net/http does not keep a connection if it learns
	// late that the request was written (maxWriteWaitBeforeConnReuse, 50 ms): a busy
	// machine has two tries.
	if lost := oneTooMany(t, p); len(lost) > 0 {
		if again := oneTooMany(t, runPart(t, only)); len(again) > 0 {
			t.Errorf("connections were lost by policies that keep them, twice:\n%v\n%v", lost, again)
		}
	}
	for _, row := range p.trials {
		opened, requests := number(t, row, "connections_opened"), number(t, row, "requests")
		endless := strings.HasPrefix(row["body"], "endless")
		switch {
		case requests < 1 || number(t, row, "wall_seconds") <= 0:
			t.Errorf("nothing was measured: %v", row)
		case row["policy"] == alwaysDrain && endless:
			t.Errorf("an endless body was drained: %v", row)
		case keepsAll(row): // see above
		case row["policy"] == alwaysClose || endless && !strings.HasPrefix(row["policy"], "net/http"):
			// One for the warm-up, and one after each body. But where net/http drains
			// by itself, its reading goroutine finds the close and the cancel that
			// came before it in one moment, takes one of them, and may come upon the
			// end of the body in its buffer.
			least := requests + 1
			if !strings.HasPrefix(runtime.Version(), "go1.26") {
				least--
			}
			if opened < least || opened > requests+1 {
				t.Errorf("%v connections, want %v: %v", opened, requests+1, row)
			}
		}
		if drained := number(t, row, "drained_bytes"); row["policy"] == alwaysDrain && row["size_bytes"] != "0" {
			want := requests * number(t, row, "size_bytes")
			if row["body"] == "gzip" { // on the wire
				want = min(max(drained, 1), want-1)
			}
			if drained != want {
				t.Errorf("%v bytes drained, want %v: %v", drained, want, row)
			}
		}
	}

	dec := xml.NewDecoder(bytes.NewReader(p.svg))
	marks := 0
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("drainlab.svg is not well-formed: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok && slices.ContainsFunc(start.Attr, func(a xml.Attr) bool {
			return a.Name.Local == "class" && strings.HasPrefix(a.Value, "mark ")
		}) {
			marks++
		}
	}
	// One for each ratio, and one for each policy in the legend.
	if want := len(p.cells) + len(policies()); marks != want {
		t.Errorf("%d marks in the picture, want %d", marks, want)
	}
	for _, where := range []string{p.stdout, string(p.svg)} {
		if !strings.Contains(where, runtime.Version()) || !strings.Contains(where, "GOMAXPROCS") || !strings.Contains(where, "-quick -v") {
			t.Errorf("a header is missing: %.500s", where)
		}
	}
}

func TestInterruptedRunEndsAndLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"-cells", "endless-slow|late-tail"}, &stdout, &stderr); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if stdout.Len() > 0 || !strings.Contains(stderr.String(), "deadline exceeded") {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
	nothingLeft(t, before)
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-rounds", "1"},
		{"-time", "-1s"},
		{"-cells", "("},
		{"-cells", "no such cell"},
		{"surplus"},
		{"-nonsense"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), args, io.Discard, &stderr); code != 2 || stderr.Len() == 0 {
			t.Errorf("%q: exit code %d, stderr %q", args, code, stderr.String())
		}
	}
}
