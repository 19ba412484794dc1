// Jumps measures through how many source files one request goes, as a measure of
// how far apart the code lies that has to be read together.
//
//	go run ./internal/jumps
//	go run ./internal/jumps -without internal/connpool
//	go run ./internal/jumps -calls
//
// It copies the module, has every function there log that it was entered
// (rewrite.go, testdata/jumplog.go), and runs a program on the copy that sends
// requests through trace, drain and pool (testdata/jumpdriver.go).
//
// # What is counted
//
// Functions entered are calls of the kit's functions and methods that are declared
// with a body, from wherever: net/http calls the hooks. Function literals do not
// count, nor does what the kit calls in other modules. The log is one list of all
// goroutines, in the order of time. A request's ends when nothing has been entered
// for a while, and its connection is idle: what is done after it is part of it.
//
// A jump is where two entries next to one another are in different files. That a
// function returns is none. A jump goes back if an earlier entry of the request is
// in the file it goes to, and is one between packages if the directories differ.
// So jumps = files - 1 + jumps back.
//
// One-line accessors, which the second table is without, are functions whose body
// is one return statement that calls nothing: no conversion and no built-in
// function either. The entries on both sides of one are then next to one another.
//
// With -without, what the functions of one package enter is left out in the same way.
// Without internal/connpool the table is of the work that the kit does over a
// transport of net/http's, too, which is not counted either where it keeps connections.
// With -calls there are no tables: the first run's entries are printed, a line a file.
//
// Goroutines do not take turns in the same way each time. So there are several
// runs, each a process of its own; a row is the run with the median of jumps, and
// its last column has the least and the most of all runs.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

const (
	// buildTime is for a machine that has to compile everything.
	buildTime = 10 * time.Minute
	runTime   = time.Minute
)

func main() {
	runs := flag.Int("runs", 9, "how often the requests are sent, each time by a new process")
	leave := flag.String("without", "", "the directory of a package that is left out, internal/connpool say")
	calls := flag.Bool("calls", false, "print the entries of the first run, a line a file, and no table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	all, err := measure(ctx, max(*runs, 1))
	if err != nil {
		fmt.Fprintln(os.Stderr, "jumps:", err)
		os.Exit(1)
	}
	if *leave != "" {
		all = without(all, isOf(*leave))
	}
	if *calls {
		writeCalls(os.Stdout, all[0])
		return
	}
	fmt.Println("All functions:")
	writeTable(os.Stdout, all)
	fmt.Println("\nWithout one-line accessors:")
	writeTable(os.Stdout, without(all, isAnAccessor))
}

// measure returns what each run has recorded.
func measure(ctx context.Context, runs int) ([][]request, error) {
	root, err := command(ctx, runTime, ".", "go", "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "jumps")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := copyModule(dir, strings.TrimSpace(string(root))); err != nil {
		return nil, err
	}
	driver := filepath.Join(dir, "driver.exe")
	if _, err := command(ctx, buildTime, dir, "go", "build", "-buildvcs=false", "-o", driver, "./"+driverDir); err != nil {
		return nil, err
	}
	all := make([][]request, runs)
	for i := range all {
		out, err := command(ctx, runTime, dir, driver)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(out, &all[i]); err != nil {
			return nil, fmt.Errorf("what the driver printed: %w", err)
		}
	}
	return all, nil
}

// command runs a program in dir, for at most so long, and returns what it prints.
func command(ctx context.Context, limit time.Duration, dir, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, stderr.Bytes())
	}
	return out, nil
}
