package main

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"text/template"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// It has no limit of requests on a connection, and ends with its worker if that
// is killed. Over HTTP/2 it lets a client's window run out by the bodies that it
// refuses: bare net/http hangs then, too.
// In 400 reloads under load, then with two threads, it has lost 5 to 7 of 100,000
// lines.
var haproxy = software{
	name: "haproxy", program: "haproxy", debian: "haproxy", start: startHAProxy, loses: 1,
	situations: []string{
		"timeout", "timeout-h2", "close", "reload", "reload-tls", "reload-h2", "streams-h2", "upstream", "413",
	},
}

// Its log goes to its output, which here is a file. Of two threads that write at
// once one drops its line, so there is one.
var haproxyConf = template.Must(template.New("haproxy").Parse(`
global
	log stdout format raw local0
	maxconn 2000
	nbthread 1
	stats socket {{.Dir}}/haproxy.sock mode 600 level admin expose-fd listeners
	{{with .Streams}}tune.h2.max-concurrent-streams {{.}}{{end}}
defaults
	mode http
	log global
	log-format "%ci %[capture.req.hdr(0)] %ST %ts"
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	timeout http-request 60s
	timeout http-keep-alive {{.IdleMS}}ms
	{{if .Close}}option httpclose{{end}}
frontend proof
	bind 127.0.0.1:{{.Port}}{{if .TLS}} ssl crt {{.Dir}}/both.pem alpn {{if .H2}}h2{{else}}http/1.1{{end}}{{end}}
	http-request capture req.hdr(X-Id) len 20
	http-request return status 413 if { path /refuse }
	default_backend origin
backend origin
	server origin {{.Origin}}
`))

func startHAProxy(ctx context.Context, program string, c *conf) (*running, error) {
	if err := c.writeBoth(); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(c.path("access.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r := &running{logs: []string{log.Name()}, end: syscall.SIGUSR1}
	r.Server, err = child.Launch(ctx, c.scheme(), func(port int) (*exec.Cmd, error) {
		c.Port = port
		cmd := exec.Command(program, "-W", "-db", "-f", c.path("haproxy.cfg"))
		cmd.Stdout = log
		return cmd, c.write("haproxy.cfg", haproxyConf)
	})
	if err != nil {
		return nil, err
	}
	r.reload = r.signals(syscall.SIGUSR2)
	return r, nil
}

// writeBoth writes a file that has certificate and key.
func (c *conf) writeBoth() error {
	cert, err := os.ReadFile(c.Cert)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("both.pem"), append(cert, key...), 0o600)
}
