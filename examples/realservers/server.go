package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A server is a child process that listens on 127.0.0.1.
type server struct {
	url  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone
	out  *bytes.Buffer // what it has written, once it is gone
}

// missingError says that a server is not installed here.
type missingError struct{ program, hint string }

func (e *missingError) Error() string {
	return fmt.Sprintf("there is no %s on this machine (%s)", e.program, e.hint)
}

// find is exec.LookPath that also looks where Debian puts what only root's PATH
// has.
func find(program, hint string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", &missingError{program, hint}
}

// launch starts the command that command makes for a free port, and returns
// when something listens there. Another program may take the port between; then
// the server ends at once, and the next port is tried.
func launch(ctx context.Context, scheme string, command func(port int) (*exec.Cmd, error)) (*server, error) {
	var failed error
	for range 3 {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		cmd, err := command(port)
		if err != nil {
			return nil, err
		}
		s := &server{url: fmt.Sprintf("%s://127.0.0.1:%d", scheme, port), cmd: cmd, done: make(chan struct{}), out: new(bytes.Buffer)}
		cmd.Stdout, cmd.Stderr = s.out, s.out
		cmd.WaitDelay = time.Second
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
		s.stop()
		failed = fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), failed, bytes.TrimSpace(s.out.Bytes()))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// await returns when the server accepts connections.
func (s *server) await(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
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

// stop ends the process and returns when it is gone.
func (s *server) stop() {
	s.cmd.Process.Signal(os.Kill)
	<-s.done
}
