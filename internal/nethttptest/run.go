package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	pkg         string // of the standard library, or otelhttp
	run         string
	short, race bool
}

// binary is a package's tests, built with the layers.
type binary struct {
	pkg     string
	file    string
	dir     string // where they run
	goroot  string
	version string
	tests   []string // their names
}

// build builds the tests in dir.
func build(dir string, o options) (*binary, error) {
	out, err := goOutput("", "env", "GOVERSION", "GOROOT")
	if err != nil {
		return nil, err
	}
	version, goroot, _ := strings.Cut(out, "\n")
	b := &binary{pkg: o.pkg, file: filepath.Join(dir, "suite.test"), goroot: filepath.Join(dir, "goroot"), version: version}
	// A downloaded toolchain is in the module cache, where -overlay may replace no
	// file. By another name of the directory it may.
	if err := os.Symlink(goroot, b.goroot); err != nil {
		return nil, err
	}
	args := []string{"test", "-c", "-o", b.file}
	if o.race {
		args = append(args, "-race")
	}
	if o.pkg == otelhttp {
		if b.dir, err = copyOtelhttp(dir); err != nil {
			return nil, err
		}
		args = append(args, "-mod=mod", ".")
	} else {
		b.dir = filepath.Join(b.goroot, "src", filepath.FromSlash(o.pkg))
		overlay, err := writeOverlay(b.goroot, dir, o.pkg)
		if err != nil {
			return nil, err
		}
		args = append(args, "-overlay", overlay, o.pkg)
	}
	cmd := b.goCommand(args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if o.pkg == otelhttp {
		cmd.Dir = b.dir
	}
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("building %s's tests: %w", o.pkg, err)
	}
	list, err := exec.Command(b.file, "-test.list=.").Output()
	if err != nil {
		return nil, fmt.Errorf("the names of %s's tests: %w", o.pkg, err)
	}
	b.tests = strings.Fields(string(list))
	return b, nil
}

func (b *binary) goCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(b.goroot, "bin", "go"), args...)
	cmd.Env = append(os.Environ(), "GOROOT="+b.goroot, "GOTOOLCHAIN=local")
	return cmd
}

// event is an event of test2json.
type event struct{ Action, Test, Output string }

const (
	// stallTime is how long no test may begin or end: then one hangs.
	stallTime = 20 * time.Second
	// restarts bounds how often the tests may end their process.
	restarts = 60
)

// test runs the tests but for those in skip. One that hangs or ends the process
// has failed, and the others go on in a new process without it.
func (b *binary) test(layers string, o options, skip []string) (*results, error) {
	r := newResults()
	for range restarts {
		args := []string{"-test.v=test2json", "-test.run=" + o.run, "-layers=" + layers,
			"-test.skip=" + skipPattern(append(r.done(), skip...))}
		if o.short {
			args = append(args, "-test.short")
		}
		ended, err := b.process(r, args)
		if err != nil {
			return nil, err
		}
		if ended {
			return r, nil
		}
		if !r.charge() {
			return nil, fmt.Errorf("the tests end their process again and again:\n%s", r.output[""])
		}
	}
	return nil, fmt.Errorf("the tests have ended their process %d times", restarts)
}

// process runs the tests once and reports whether they came to their end.
func (b *binary) process(r *results, args []string) (bool, error) {
	tests := exec.Command(b.file, args...)
	tests.Dir = b.dir
	tests.Env = append(os.Environ(), "GOROOT="+b.goroot, "PATH="+filepath.Join(b.goroot, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	from, to, err := os.Pipe()
	if err != nil {
		return false, err
	}
	tests.Stdout, tests.Stderr = to, to
	convert := b.goCommand("tool", "test2json")
	convert.Stdin, convert.Stderr = from, os.Stderr
	events, err := convert.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := convert.Start(); err != nil {
		return false, err
	}
	err = tests.Start()
	from.Close()
	to.Close()
	if err != nil {
		return false, err
	}
	// It prints where every goroutine is, and exits.
	stall := time.AfterFunc(stallTime, func() { tests.Process.Signal(syscall.SIGQUIT) })
	defer stall.Stop()
	r.begin()
	for d := json.NewDecoder(events); ; {
		var e event
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return false, err
		}
		if e.Action != "output" {
			stall.Reset(stallTime)
		}
		r.add(e)
	}
	err = errors.Join(convert.Wait(), tests.Wait())
	switch code := tests.ProcessState.ExitCode(); code {
	case 0:
		return true, nil
	case 1, 66: // the exit codes of testing and of the race detector
		r.end()
		return true, nil
	case 2: // a panic, or SIGQUIT
		return false, nil
	}
	return false, err
}
