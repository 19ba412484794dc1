package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// A software is a server that can be installed, and how it is run here.
type software struct {
	name string
	// program is looked for, and comes with Debian's package.
	program, debian string
	// start starts it; program is its path.
	start func(ctx context.Context, program string, c *conf) (*running, error)
	// situations are those that it can be in, by name.
	situations []string
	// idle is the least that it can keep idle connections for; 0: a tenth of a second
	// or less.
	idle time.Duration
	// loses is how many lines of its log it may lose by a graceful reload.
	loses int
}

// running is a server that runs.
type running struct {
	*child.Server
	logs         []string // files
	end          syscall.Signal
	reload, kill func() error
	kills        int      // how many it survives; 0: any number
	proxy        *url.URL // nil if it is none that clients know of
	settle       func()   // completes its log, and ends what writes it; may be nil
	behind       *running // another one that the requests go to
}

func (r *running) trouble(t trouble) error {
	switch t {
	case reload:
		return r.reload()
	case kill:
		return r.kill()
	}
	return nil
}

// signals is a reload by a signal to the process that was started.
func (r *running) signals(sig syscall.Signal) func() error {
	return func() error { return syscall.Kill(r.PID(), sig) }
}

// killsChild kills one of the processes that the process has started.
func (r *running) killsChild() error {
	children, err := childrenOf(r.PID())
	if err != nil || len(children) == 0 {
		return err // it may be about to start another one
	}
	return syscall.Kill(children[0], syscall.SIGKILL)
}

// childrenOf are the processes that another one has started.
func childrenOf(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		pids = append(pids, n)
	}
	return pids, nil
}

// finish ends the server, gracefully, so that its log is whole.
func (r *running) finish() {
	r.settles()
	sig := r.end
	if sig == 0 {
		sig = syscall.SIGTERM
	}
	r.Finish(sig, 5*time.Second)
	if r.behind != nil {
		r.behind.finish()
	}
}

func (r *running) settles() {
	if r.settle != nil {
		r.settle()
		r.settle = nil
	}
}

// stop ends it at once.
func (r *running) stop() {
	r.settles()
	r.Stop()
	if r.behind != nil {
		r.behind.Stop()
	}
}

// launch starts a server whose configuration is the file of that name, made of
// the template; args are the program's.
func launch(ctx context.Context, program string, c *conf, name string, text *template.Template, args ...string) (*running, error) {
	r := &running{logs: []string{c.path("access.log")}}
	var err error
	r.Server, err = child.Launch(ctx, c.scheme(), func(port int) (*exec.Cmd, error) {
		c.Port = port
		if err := c.write(name, text); err != nil {
			return nil, err
		}
		return exec.Command(program, args...), nil
	})
	return r, err
}

func (c *conf) scheme() string {
	if c.TLS {
		return "https"
	}
	return "http"
}

func (c *conf) path(name string) string { return filepath.Join(c.Dir, name) }

// write makes a file of the template. All may read it: servers may run as users
// of their own.
func (c *conf) write(name string, text *template.Template) error {
	var b bytes.Buffer
	if err := text.Execute(&b, c); err != nil {
		return err
	}
	return os.WriteFile(c.path(name), b.Bytes(), 0o644)
}

// writeFiles makes /small and /large, for servers that have files.
func (c *conf) writeFiles() error {
	if err := os.MkdirAll(c.path("files"), 0o755); err != nil {
		return err
	}
	for name, size := range map[string]int{"small": smallSize, "large": largeSize} {
		if err := os.WriteFile(filepath.Join(c.Dir, "files", name), bytes.Repeat([]byte("x"), size), 0o644); err != nil {
			return err
		}
	}
	return nil
}
