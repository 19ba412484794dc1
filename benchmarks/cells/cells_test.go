package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The smallest run has every cell in its table, and three finite numbers of every
// stack in it.
func TestTableHasEveryCell(t *testing.T) {
	o, err := parse([]string{"-rounds", "1", "-sample", "1us", "-warmup", "1"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	o.count = 10
	var out bytes.Buffer
	if err := o.run(t.Context(), nil, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	lines := map[string][]string{}
	var head []string
	for line := range strings.Lines(out.String()) {
		if columns := strings.Split(strings.Trim(line, "| \n"), "|"); len(columns) > 1 {
			for i := range columns {
				columns[i] = strings.TrimSpace(columns[i])
			}
			if head == nil {
				head = columns
			}
			lines[columns[0]] = columns
		}
	}
	for i, s := range allStacks() {
		if len(head) != len(allStacks())+1 || !strings.HasPrefix(head[i+1], s.name) {
			t.Fatalf("columns %q, want one for each stack", head)
		}
	}
	for _, c := range allCells() {
		line := lines[c.String()]
		if len(line) != len(head) {
			t.Errorf("%s: %q, want %d columns", c, line, len(head))
			continue
		}
		for i, figures := range line[1:] {
			if !finite(figures, 3) {
				t.Errorf("%s, %s: %q, want three finite numbers", c, head[i+1], figures)
			}
		}
	}
	for _, name := range []string{"median, all", "worst, HTTP/1", "worst, HTTP/2"} {
		line := lines[name]
		if len(line) != len(head) || !finite(line[len(line)-1], 3) {
			t.Errorf("%s: %q", name, line)
		}
	}
	for _, name := range []string{"worst cell, wall", "of what otelhttp adds, median", "of what otelhttp adds, together"} {
		if len(lines[name]) != len(head) {
			t.Errorf("%s: %q", name, lines[name])
		}
	}
}

func finite(s string, want int) bool {
	fields := strings.Fields(s)
	for _, f := range fields {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return false
		}
	}
	return len(fields) == want
}

// A ratio is the median of the rounds' ratios, each to bare net/http in the same
// round: here the machine became slower by ten in the second round.
func TestRatiosAreWithinARound(t *testing.T) {
	at := func(wall ...time.Duration) (list []sample) {
		for _, w := range wall {
			list = append(list, sample{n: 10, wall: w, cpu: 2 * w})
		}
		return list
	}
	r := &result{
		took:   [][]sample{at(100, 1000, 120), at(150, 1500, 240), at(125, 1250, 150)},
		allocs: [][]float64{{50, 50}, {70, 70}, {60, 60}},
	}
	got := r.row()
	if f := got.stacks[1]; f.wall != 1.5 || f.cpu != 1.5 || f.allocs != 20 {
		t.Errorf("%+v, want 1.5 times bare net/http and 20 allocations more", f)
	}
	if got.bare.allocs != 50 || math.Abs(got.bare.wall-0.012) > 1e-9 {
		t.Errorf("bare: %+v", got.bare)
	}
	slow := got
	slow.bare.wall *= 3
	slow.stacks = []figures{{1, 1, 0}, {1.5, 1.5, 20}, {1.5, 1.5, 20}}
	mid, all := share([]row{got, got, slow}, 2, 1)
	// A half in two cells, all in the third, which is three times as slow.
	if mid.wall != 0.5 || math.Abs(all.wall-(0.5+0.5+3)/5) > 1e-9 {
		t.Errorf("shares %+v and %+v, want 0.5 and 0.8 of the time", mid, all)
	}
	if mid.allocs != 0.5 || math.Abs(all.allocs-40./60) > 1e-9 {
		t.Errorf("shares %+v and %+v, want 0.5 and 0.67 of the allocations", mid, all)
	}
}

func TestProfileOfOneCell(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu.out")
	var out bytes.Buffer
	args := []string{"-cell", "http1/get-5B/1/background", "-only", "drain+pool", "-cpuprofile", file, "-time", "50ms", "-warmup", "10", "-sample", "1ms"}
	if code := run(t.Context(), args, &out, t.Output()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("profile: %v, %v", info, err)
	}
	if !strings.HasPrefix(out.String(), "drain+pool, http1/get-5B/1/background: ") {
		t.Errorf("%q", out.String())
	}
}

// A run that is interrupted tells what it has.
func TestInterruptedRunHasATable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	progress := writerFunc(func(p []byte) {
		if bytes.HasPrefix(p, []byte("round 2 ")) {
			cancel()
		}
	})
	var out bytes.Buffer
	args := []string{"-cell", "http1/get-5B/1/", "-only", "otelhttp", "-rounds", "1000000", "-sample", "1us", "-warmup", "1"}
	if code := run(ctx, args, &out, progress); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if got := out.String(); !strings.Contains(got, " 2 rounds in ") || !strings.Contains(got, "| http1/get-5B/1/cancelable ") {
		t.Error(got)
	}
	if code := run(ctx, args, &out, progress); code != 1 {
		t.Errorf("exit code %d of a run that was interrupted before its first round, want 1", code)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-cell", "http3"}, {"-cell", "("}, {"-only", "pools"}, {"-rounds", "0"}, {"something"},
		{"-cpuprofile", "x"}, {"-cpuprofile", "x", "-only", "full", "-cell", "http1/"},
	} {
		if code := run(t.Context(), args, t.Output(), t.Output()); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
}
