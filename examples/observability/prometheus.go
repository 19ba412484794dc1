package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

// prometheusServer is a Prometheus in a process of its own.
type prometheusServer struct {
	url   string
	ended chan struct{} // closed when the process has ended
	err   error         // how, after that

	process *os.Process
	log     string
}

//go:embed rules/warmconn.yml
var rules embed.FS

const prometheusConfig = `
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [warmconn.yml]
storage:
  exemplars:
    max_exemplars: 100000
scrape_configs:
  - job_name: collector
    honor_labels: true # job and instance are the program's, not the Collector's
    static_configs: [{targets: ["%s"]}]
  - job_name: %s # as service.name: the dashboard has one choice for both
    static_configs: [{targets: ["%s"]}]
`

// quick are the rules with the least times: the expressions are not touched.
func quick(rules []byte) []byte {
	return regexp.MustCompile(`(?m)^(\s*(?:- )?(?:interval|for): ).*$`).ReplaceAll(rules, []byte("${1}1s"))
}

func startPrometheus(ctx context.Context, dir, collector, pool string) (*prometheusServer, error) {
	path, err := exec.LookPath("prometheus")
	if err != nil {
		return nil, fmt.Errorf("%w (apt-get install prometheus)", err)
	}
	text, err := rules.ReadFile("rules/warmconn.yml")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "prometheus.yml")
	for file, text := range map[string][]byte{config: fmt.Appendf(nil, prometheusConfig, collector, service, pool), filepath.Join(dir, "warmconn.yml"): quick(text)} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return nil, err
		}
	}
	addrs, err := freeAddrs(1)
	if err != nil {
		return nil, err
	}
	p := &prometheusServer{url: "http://" + addrs[0], ended: make(chan struct{}), log: filepath.Join(dir, "prometheus.log")}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(path, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--storage.tsdb.retention.time=1d",
		"--web.listen-address="+addrs[0], "--enable-feature=exemplar-storage")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = endsWithUs()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the process would end with the thread that has started it
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.process = cmd.Process
	if err := p.ready(ctx); err != nil {
		text, _ := os.ReadFile(p.log)
		return nil, errors.Join(err, p.stop(), errors.New(string(bytes.TrimSpace(text))))
	}
	return p, nil
}

func (p *prometheusServer) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/-/ready", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-p.ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		}
	}
}

// stop ends the process, and returns once it has ended.
func (p *prometheusServer) stop() error {
	p.process.Signal(syscall.SIGTERM) // fails where it has ended
	select {
	case <-p.ended:
		return p.err
	case <-time.After(time.Minute):
		p.process.Kill()
		<-p.ended
		return errors.Join(errors.New("it had to be killed"), p.err)
	}
}

// freeAddrs returns n addresses on loopback that are free, for now.
func freeAddrs(n int) (addrs []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after the last: so they differ
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}
