// Package child starts real servers as child processes on loopback, with
// certificates made at run time, and ends them.
package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A Server is a child process that listens on 127.0.0.1. The processes that it
// starts itself are in its process group.
type Server struct {
	URL  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone
	out  *bytes.Buffer // what it has written, once it is gone
}

// MissingError says that a server is not installed here.
type MissingError struct{ Program, Hint string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("there is no %s on this machine (%s)", e.Program, e.Hint)
}

// Find is exec.LookPath that also looks where Debian puts what only root's PATH
// has.
func Find(program, hint string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", &MissingError{program, hint}
}

// Launch starts the command that command makes for a free port, and returns
// when something listens there. Another program may take the port between; then
// the server ends at once, and the next port is tried.
func Launch(ctx context.Context, scheme string, command func(port int) (*exec.Cmd, error)) (*Server, error) {
	var failed error
	for range 3 {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		cmd, err := command(port)
		if err != nil {
			return nil, err
		}
		s := &Server{URL: fmt.Sprintf("%s://127.0.0.1:%d", scheme, port), cmd: cmd, done: make(chan struct{}), out: new(bytes.Buffer)}
		if cmd.Stdout == nil {
			cmd.Stdout = s.out
		}
		cmd.Stderr = s.out
		cmd.WaitDelay = time.Second
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		go func() {
			defer close(s.done)
			cmd.Wait() // how it ended is in what it wrote
		}()
		if failed = s.await(ctx, port); failed == nil {
			return s, nil
		}
		s.Stop()
		failed = fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), failed, bytes.TrimSpace(s.out.Bytes()))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// FreePort is one on which nobody listens now.
func FreePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// await returns when the server accepts connections.
func (s *Server) await(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var d net.Dialer
	for {
		c, err := d.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return c.Close()
		}
		select {
		case <-s.done:
			return errors.New("it ended instead of listening")
		case <-ctx.Done():
			return errors.New("it does not listen")
		case <-tick.C:
		}
	}
}

// PID is the process's.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Gone says that the process has ended.
func (s *Server) Gone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// Finish asks the process to end with the signal, so that it writes what it has
// to write, and returns when it is gone, or stops it after the time.
func (s *Server) Finish(sig os.Signal, d time.Duration) {
	s.cmd.Process.Signal(sig)
	select {
	case <-s.done:
	case <-time.After(d):
	}
	s.Stop()
}

// Stop ends the process and its group, and returns when it is gone.
func (s *Server) Stop() {
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.done
}

// Said is what the process has written, once it is gone.
func (s *Server) Said() string {
	if !s.Gone() {
		return ""
	}
	return s.out.String()
}
