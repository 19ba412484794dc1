package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// The command may run for days.
func TestTheFileOfSpansHasABound(t *testing.T) {
	dir := t.TempDir()
	c, err := startCollector(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	p, err := newProviders(t.Context(), c.otlp)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	long := attribute.String("long", strings.Repeat("x", 400<<10))
	for i := range 8 { // two of which fit into a file
		name := fmt.Sprintf("span %d", i)
		_, span := p.spans.Tracer("").Start(t.Context(), name, trace.WithAttributes(long))
		span.End()
		if err := p.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		within(t, 10*time.Second, name, func() bool {
			text, _ := os.ReadFile(c.spans)
			return bytes.Contains(text, []byte(name))
		})
	}
	within(t, 10*time.Second, "two files of spans, of 1 MiB at most", func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "spans*"))
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Size() > 1<<20 {
				return false
			}
		}
		return len(files) == 2
	})
}

const asInterrupted = "OBSERVABILITY_INTERRUPTED"

// A user who sees the program hang while it stops ends it by another Ctrl-C.
func TestAnInterruptOfTheEndEndsTheProcess(t *testing.T) {
	if limit, err := time.ParseDuration(os.Getenv(asInterrupted)); err == nil {
		ctx, stop := until(limit)
		defer stop()
		os.Stdout.WriteString("begun\n")
		<-ctx.Done()
		os.Stdout.WriteString("ending\n")
		time.Sleep(10 * time.Second) // hangs
		return
	}
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: no process can interrupt another here")
	}
	for _, row := range []struct {
		limit       string
		interrupted bool // else the limit ends it
	}{{"0s", true}, {"1ms", false}, {"1h", true}} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), asInterrupted+"="+row.limit)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		interrupt := func() { cmd.Process.Signal(syscall.SIGTERM) } // no shell has its children ignore it; fails where the process has ended
		text := make([]byte, len("begun\n"))
		if _, err := io.ReadFull(out, text); err != nil {
			t.Fatal(err)
		}
		if row.interrupted {
			interrupt() // one: a second that comes before the process has begun to end may end it
		}
		text = make([]byte, len("ending\n"))
		io.ReadFull(out, text) // an end without it shows below
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			io.Copy(io.Discard, out)
		}()
		// The handler is taken off beside the end that the context tells: it may still take one.
		for running := true; running; {
			interrupt()
			select {
			case <-ended:
				running = false
			case <-time.After(10 * time.Millisecond):
			}
		}
		cmd.Wait()
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || status.Signal() != syscall.SIGTERM || string(text) != "ending\n" {
			t.Errorf("-for %s: want it to begin to end, and be ended by a signal: %v\n%s", row.limit, cmd.ProcessState, text)
		}
	}
}
